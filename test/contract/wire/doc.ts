import type { Service } from './request.ts';
import { claimed, rows, targetNames, type Row } from './table.ts';

const titles: Readonly<Record<Service, string>> = {
  sts: 'STS',
  iam: 'IAM',
  ecr: 'ECR, control plane',
  secretsmanager: 'Secrets Manager',
  'ecr-registry': 'OCI distribution, as ECR speaks it',
  registry: 'OCI distribution, as other registries speak it',
  'bearer-registry': 'Tokens for a registry',
  kubernetes: 'Kubernetes',
};

const introduction = `# Contract

<!-- Made by \`npm run docs\`; edit the source instead. -->

This page lists the answers on the wire that the product relies on, call by call and error by error. The cases are in
\`test/contract/wire/cases\`. \`npm run test:contract\` runs them on every target that this machine has. It fails if a target differs
from this page, also if a listed difference no longer exists. [Testing](testing.md#contract) explains how to run it.

| Target | What it is |
| --- | --- |
| \`sandbox\` | the fake services of this project, in which \`npm test\` runs |
| \`moto\` | an independent fake of AWS's control planes |
| \`docker-registry\` | the reference implementation of the distribution API, as Debian ships it |
| \`kubernetes\` | a real kube-apiserver with etcd |
| \`aws\` | AWS itself, in a test account |

| Mark | Meaning |
| --- | --- |
| ✓ | The target answers like this. |
| ? | Expected. No recorded run has verified it. |
| a number | The target differs; the note below the table explains how. |
| empty | The target does not have this API, or the case cannot be set up there. |

A number behind a case's name refers to the source that the case cites.
`;

/** Renders the whole page. */
export function document(): string {
  const sections = (Object.keys(titles) as Service[]).map((service) =>
    section(
      titles[service],
      rows.filter((row) => row.service === service),
    ),
  );
  return [introduction, ...sections].join('\n');
}

function section(title: string, own: readonly Row[]): string {
  const targets = targetNames.filter((target) => own.some((row) => claimed(row, target) !== 'not run'));
  const notes: string[] = [];
  const note = (text: string): string => {
    if (!notes.includes(text)) notes.push(text);
    return String(notes.indexOf(text) + 1);
  };
  const lines = own.map((row) => {
    const cells = targets.map((target) => {
      const difference = row.differs[target];
      if (!difference) return claimed(row, target) === 'holds' ? (target === 'aws' ? '?' : '✓') : '';
      const { instead, why, decides } = difference;
      return note(`${target} answers \`${instead}\`. ${why} Source: ${decides}.`);
    });
    const source = row.needs && ` (${note(`Source: ${row.needs.decides}.`)})`;
    return `| ${[`${row.name}${source ?? ''}`, ...cells].join(' | ')} |`;
  });
  const head = `| ${['', ...targets].join(' | ')} |\n| ${['---', ...targets.map(() => ':-:')].join(' | ')} |`;
  const list = notes.map((text, index) => `${index + 1}. ${text}`);
  return [`## ${title}`, '', head, ...lines, '', ...(list.length > 0 ? [...list, ''] : [])].join('\n');
}
