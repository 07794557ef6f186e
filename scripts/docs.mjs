// Writes everything in the docs that is made from the program: references, the JSON Schema, what is shown of the
// benchmark's results, and the README's terminal output, which comes from a real run in a sandbox. With --check
// nothing is written, and what is stale makes the exit code 1; terminal output is left out of that, for it tells times.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { commands } from '../src/commands/index.ts';
import { jsonSchema, typeOf } from '../src/config/describe.ts';
import { settings } from '../src/config/settings.ts';
import { errorCodes, findingCodes } from '../src/core/error-codes.ts';
import { recordAudit } from './audit.mjs';
import { openWorld } from './world.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const made = '<!-- Made by `npm run docs`; edit the source instead. -->';
const stale = [];

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
const cell = (text) => String(text).replaceAll('|', '\\|');
const code = (text) => (text === '' ? '' : `\`${text}\``);

function put(name, text) {
  const file = `${root}${name}`;
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  if (before === text) return;
  if (check) stale.push(name);
  else writeFileSync(file, text);
}

function keys(schema, prefix = '') {
  return Object.entries(schema.properties ?? {}).flatMap(([name, key]) =>
    key.properties ? keys(key, `${prefix}${name}.`) : [[`${prefix}${name}`, key]],
  );
}

function configuration() {
  const rows = keys(jsonSchema()).map(([path, key]) => {
    const setting = settings.find((each) => each.key === path);
    const flag = setting ? `--${setting.flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}` : '';
    const fallback = key.default === undefined ? '' : JSON.stringify(key.default);
    return [
      code(path),
      typeOf(key),
      code(fallback),
      code(flag),
      code(setting?.env ?? ''),
      key.description ?? '',
    ];
  });
  return `# Configuration

${made}

\`ecr-bootstrap.yaml\` in the working folder, or the file of \`-c\`. A flag wins over a variable, a variable over the
file, the file over what other programs are told (\`AWS_REGION\`, \`AWS_PROFILE\`, \`KUBECONFIG\`), and that over the
default. \`ecr-bootstrap init\` writes a commented file; \`ecr-bootstrap config\` prints what is in force and why.

${table(['Key', 'Value', 'Default', 'Flag', 'Variable', 'Meaning'], rows)}
`;
}

function errors() {
  const failures = Object.entries(errorCodes).map(([name, { exit, about }]) => [code(name), exit, about]);
  const findings = Object.entries(findingCodes).map(([name, about]) => [code(name), about]);
  return `# Errors and findings

${made}

Every error says what failed, why, and what to do; with \`-o json\` it is the document's \`error\`, with a \`code\` from
this list. Exit codes: 0 done or healthy, 1 failed, 2 command line, configuration or preflight (nothing was changed),
3 drift or unhealthy, 130 interrupted, 70 a bug of this program.

## Errors

${table(['Code', 'Exit', 'Meaning'], failures)}

## Findings

Plans and \`status\` list findings, each with a level: \`ok\`, \`warning\`, \`failed\` or \`unknown\`.

${table(['Code', 'Meaning'], findings)}
`;
}

async function commandReference(run) {
  const helps = [];
  for (const { name } of commands) {
    const { output } = await run(`${name} --help`);
    const own = output.replace(/\nGlobal Options:[\s\S]*?\n\n/, '\n').trimEnd();
    helps.push(`## ${name}\n\n\`\`\`text\n${own}\n\`\`\``);
  }
  const { output } = await run('--help');
  return `# Commands

${made}

\`\`\`text
${output.trimEnd()}
\`\`\`

${helps.join('\n\n')}
`;
}

async function audit() {
  const rows = await recordAudit();
  const listed = (map) =>
    [...map]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([key, values]) => `${key}: ${[...values].sort().join(', ')}`)
      .join('<br>');
  const part = (name) =>
    rows.map((row) => [code(row.name), listed(row[name].reads), listed(row[name].changes)]);
  return `# In the audit logs

${made}

What each step of \`up\`, and the commands beside it, leave in CloudTrail and in Kubernetes' audit log: recorded from runs
in the sandbox of one step after the other, from nothing and after something of every step was broken. A run that finds nothing
to do only reads. All requests carry the user agent \`ecr-bootstrap\`; what it applies in the cluster has the field manager
\`ecr-bootstrap\`, and so has the lease that a run holds.

## CloudTrail

By event source. Registry requests appear as the events of ECR that stand behind them; a layer that is sent in one piece may
appear as \`UploadLayerPart\` too. Requests to KMS appear beside them where a key of yours is configured. A key's proof, the
operator and the nodes act as \`image-puller\`, by what \`ecr-bootstrap policy image-puller\` lists and nothing else.

${table(['Step or command', 'Reads', 'Changes'], part('aws'))}

## Kubernetes

By resource. A pod of the operator that cannot pull is looked into by \`list events\` and made anew by \`delete pods\`; a lease that is held
for more than ten seconds is renewed by \`update leases\`.

${table(['Step or command', 'Reads', 'Changes'], part('kubernetes'))}
`;
}

/** Replaces what stands between \`<!-- run: LINE -->\` and \`<!-- end -->\` by what that line prints. */
async function terminalOutput(text, run) {
  const parts = text.split(/(<!-- run: .*? -->)[\s\S]*?(<!-- end -->)/);
  let result = '';
  for (const part of parts) {
    const line = /^<!-- run: (.*) -->$/.exec(part)?.[1];
    result += part;
    if (line === undefined) continue;
    const { output: printed } = await run(line);
    // The sandbox's stand-in for the operator's YAML has a checksum of its own, and nobody should pin that.
    const output = printed.replace(/SHA-256 [0-9a-f]{64}/g, 'SHA-256 <that of the file>');
    result += `\n\n\`\`\`text\n$ ecr-bootstrap ${line}\n${output.trimEnd()}\n\`\`\`\n\n`;
  }
  return result;
}

/** Puts what the benchmark measured between `<!-- speed -->` and `<!-- end -->`, and beside the results themselves. */
async function speed(text) {
  const load = (name) => import(`../bench/mirror/${name}.ts`);
  const [{ readResults, views }, { summary }] = await Promise.all(['write', 'summary'].map(load));
  const results = await readResults(`${root}bench/results`);
  for (const [name, view] of Object.entries(views)) put(`bench/results/${name}`, view(results));
  const filled = text.replace(
    /(<!-- speed -->)[\s\S]*?(<!-- end -->)/,
    (_, start, end) => `${start}\n\n${summary(results)}\n\n${end}`,
  );
  const filepath = `${root}README.md`;
  return format(filled, { ...(await resolveConfig(filepath)), filepath });
}

mkdirSync(`${root}docs`, { recursive: true });
mkdirSync(`${root}schema`, { recursive: true });
// A world's settings are those of the process, so there is one after the other.
put('docs/operations/audit.md', await audit());
const { run, close } = await openWorld();
try {
  put('schema/ecr-bootstrap.schema.json', `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
  put('docs/reference/configuration.md', configuration());
  put('docs/reference/errors.md', errors());
  put('docs/reference/commands.md', await commandReference(run));
  const readme = await speed(readFileSync(`${root}README.md`, 'utf8'));
  put('README.md', check ? readme : await terminalOutput(readme, run));
} finally {
  await close();
}
if (stale.length > 0) {
  console.error(`Stale: ${stale.join(', ')}. Run npm run docs.`);
  process.exitCode = 1;
}
