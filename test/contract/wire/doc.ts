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

What the product relies on, call by call and refusal by refusal, as it is on the wire. The cases are in
\`test/contract/wire/cases\`; \`npm run test:contract\` tries them on every target that is on this machine, and fails
where a target is not as this page says, also when a difference is no more.

| target | what it is |
| --- | --- |
| \`sandbox\` | this project's own, in which \`npm test\` runs |
| \`moto\` | an independent imitation of AWS's control planes |
| \`docker-registry\` | the reference implementation of the distribution API, as Debian ships it |
| \`kubernetes\` | a real kube-apiserver with etcd |
| \`aws\` | AWS itself, for whoever has an account for tests |

✓ as the contract says · ? should be so, not seen by a run that this project keeps · a number: otherwise, see the note
below the table, which at a case's name tells what decides · empty: not spoken there, or not to be brought about there
`;

/** The whole page. */
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
      return note(`${target} answers \`${instead}\`. ${why} What decides: ${decides}.`);
    });
    const source = row.needs && ` (${note(`What decides: ${row.needs.decides}.`)})`;
    return `| ${[`${row.name}${source ?? ''}`, ...cells].join(' | ')} |`;
  });
  const head = `| ${['', ...targets].join(' | ')} |\n| ${['---', ...targets.map(() => ':-:')].join(' | ')} |`;
  const list = notes.map((text, index) => `${index + 1}. ${text}`);
  return [`## ${title}`, '', head, ...lines, '', ...(list.length > 0 ? [...list, ''] : [])].join('\n');
}
