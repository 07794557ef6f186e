// Writes the generated parts of the docs: the references, the JSON Schemas, the benchmark's tables, and the
// README's terminal sessions, which are recorded in sandboxes. With --check it writes nothing, and exits with 1 if a
// file is stale.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';
import { environment } from '../src/commands/help/environment.ts';
import { exitCodes } from '../src/commands/help/exit-codes.ts';
import { commands } from '../src/commands/index.ts';
import { jsonSchema, typeOf } from '../src/config/describe.ts';
import { settings } from '../src/config/settings.ts';
import { errorCodes } from '../src/core/error-codes.ts';
import { findingCodes } from '../src/core/finding-codes.ts';
import { documentSchemas, envelopeSchema, usageErrorSchema } from '../src/output/schemas.ts';
import { recordAudit } from './audit.mjs';
import { recordPicture, recordQuickStart } from './session.mjs';
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

The configuration file is \`ecr-bootstrap.yaml\` in the working folder, or the file that you name with \`-c\`.
\`ecr-bootstrap init\` writes a commented file. \`ecr-bootstrap config\` prints each value in effect and where it comes from.

A value comes from the first of these that sets it:

1. the flag
2. the variable in the table
3. the configuration file
4. a variable that other programs read too: \`AWS_REGION\`, \`AWS_DEFAULT_REGION\`, \`AWS_PROFILE\`, \`AWS_DEFAULT_PROFILE\`
   or \`KUBECONFIG\`; see [environment variables](environment.md)
5. the default

${table(['Key', 'Value', 'Default', 'Flag', 'Variable', 'Meaning'], rows)}
`;
}

/** One heading per code, so that `errors.md#CODE` is a link. A code of both tables has one heading, among the errors. */
function errors() {
  const section = (name, facts, { about, fix }) =>
    `### ${name}\n\n${facts}. ${about}\n\n**What to do:** ${fix}`;
  const failures = Object.entries(errorCodes).map(([name, error]) => {
    const level = findingCodes[name]?.level;
    const also = level === undefined ? '' : `. Also a finding, \`${level}\``;
    return section(name, `Exit code ${error.exit}${also}`, error);
  });
  const findings = Object.entries(findingCodes)
    .filter(([name]) => !(name in errorCodes))
    .map(([name, found]) => section(name, `Level \`${found.level}\``, found));
  const shared = Object.keys(findingCodes).filter((name) => name in errorCodes);
  return `# Errors and findings

${made}

Every error and every finding has a code. The program shows it in brackets, and \`-o json\` has it in the field \`code\`.

## Errors

An error ends a run, or fails one item of it. It says what failed, why, and how to fix it. With \`-o json\` the error that ends a
run is the field \`error\` of the document. [Exit codes](exit-codes.md) explains the exit codes.

${failures.join('\n\n')}

## Findings

Plans and \`status\` list findings. The level is \`ok\`, \`warning\`, \`failed\` or \`unknown\`; in some cases it differs from the level given
here. These codes of findings are also errors and are explained above: ${shared.map((name) => `[${name}](#${name})`).join(', ')}.

${findings.join('\n\n')}
`;
}

const schemaFile = (command) => `schema/${command}.json`;

function putSchemas() {
  const all = { ...documentSchemas, 'usage-error': usageErrorSchema };
  for (const [name, schema] of Object.entries(all)) {
    const { $schema, ...rest } = z.toJSONSchema(schema, {
      target: 'draft-7',
      // It stands for `readonly` in TypeScript, which says nothing about a document.
      override: ({ jsonSchema }) => void delete jsonSchema.readOnly,
    });
    const titled = { $schema, title: `ecr-bootstrap ${name} -o json`, ...rest };
    put(schemaFile(name), `${JSON.stringify(titled, undefined, 2)}\n`);
  }
}

/** The page about the documents of `-o json`. */
async function documents() {
  const common = envelopeSchema.unwrap().shape;
  const fields = Object.entries(common).map(([name, schema]) => [
    code(name),
    schema instanceof z.ZodExactOptional ? '' : 'yes',
    schema.description ?? '',
  ]);
  const rows = Object.entries(documentSchemas).map(([command, schema]) => {
    const views = Object.keys(schema.unwrap().shape).filter((name) => !(name in common));
    const link = `[${schemaFile(command)}](../../${schemaFile(command)})`;
    return [code(command), views.map(code).join(', '), schema.description, link];
  });
  const page = `# JSON documents

${made}

With \`-o json\` every command prints one JSON document to stdout, also if it fails, and nothing else. \`status --watch\` prints one
document for each look, each on one line. Commands never prompt then: \`up\`, \`rotate\` and \`down\` need \`--yes\` if they have something to change.

The codes of all findings that failed:

\`\`\`sh
ecr-bootstrap status -o json | jq -r '.status.steps[].findings[] | select(.level == "failed") | .code'
\`\`\`

## Fields of every document

${table(['Field', 'Always', 'Meaning'], fields)}

A run that fails has an \`error\`. If it ends early, the result is missing. The [exit code](exit-codes.md) is the same as without \`-o json\`.

## Results

The result of a command is in a field of its own.

${table(['Command', 'Result', 'Content', 'Schema'], rows)}

A command line without a command, or with an unknown one, prints the error described by
[${schemaFile('usage-error')}](../../${schemaFile('usage-error')}).

The schemas are JSON Schema (draft 7), and the npm package contains them. They describe the documents of their own version exactly.
Another version may have more fields and more [codes](errors.md), so ignore those that you do not know. If a field changes its meaning or
disappears, \`schemaVersion\` changes.
`;
  const filepath = `${root}docs/reference/page.md`;
  return format(page, { ...(await resolveConfig(filepath)), proseWrap: 'always', filepath });
}

async function commandReference(run) {
  const helps = [];
  for (const { name } of commands) {
    const { output } = await run(`${name} --help`);
    const own = output.replace(/\nGlobal flags: .*\n/, '').trimEnd();
    helps.push(`## ${name}\n\n\`\`\`text\n${own}\n\`\`\``);
  }
  const { output } = await run('--help');
  const { output: flags } = await run('help flags');
  return `# Commands

${made}

\`\`\`text
${output.trimEnd()}
\`\`\`

${helps.join('\n\n')}

## Global flags

\`\`\`text
${flags.trimEnd()}
\`\`\`
`;
}

/** The page of a help topic. */
async function topicPage({ title, sections }) {
  const parts = sections.flatMap(({ heading, columns, entries = [], notes = [] }) => [
    ...(heading === undefined ? [] : [`## ${heading}`]),
    ...(entries.length === 0
      ? []
      : [
          table(
            columns,
            entries.map(([names, about]) => [names.map(code).join(', '), about]),
          ),
        ]),
    ...notes,
  ]);
  const page = [`# ${title}`, made, ...parts].join('\n\n');
  const filepath = `${root}docs/reference/page.md`;
  return format(page, { ...(await resolveConfig(filepath)), proseWrap: 'always', filepath });
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
  return `# Audit logs

${made}

These tables list the events that each step of \`up\`, and the other commands that change something, leave in CloudTrail and in
Kubernetes' audit log. They are recorded in the sandbox: each step runs once on an empty account and cluster, and once after
one of its resources was broken. A run that finds nothing to do only reads.

All requests have the user agent \`ecr-bootstrap\`. Objects that it applies, and the lease that a run holds, have the field
manager \`ecr-bootstrap\`.

## CloudTrail

Events are grouped by event source. Requests to the registry appear as the corresponding ECR events. A layer that is uploaded
in one request may also appear as \`UploadLayerPart\`. If you configured a customer KMS key, requests to KMS appear too. With \`aws.blobMounting\`, the step \`repositories\`
also sends GetAccountSetting and PutAccountSetting. The operator, the nodes, and the verification of a key act as
\`image-puller\`; \`ecr-bootstrap policy image-puller\` lists everything that this user may do.

${table(['Step or command', 'Reads', 'Changes'], part('aws'))}

## Kubernetes

Verbs are grouped by resource. Two kinds of requests are not listed, because they depend on the run: \`list events\` and
\`delete pods\`, which diagnose and recreate a pod of the operator that cannot pull, and \`update leases\`, which renews a lease
that is held for more than ten seconds.

${table(['Step or command', 'Reads', 'Changes'], part('kubernetes'))}
`;
}

/** The README, with its parts between `<!-- NAME -->` and `<!-- end -->`. */
async function readme(parts) {
  const filepath = `${root}README.md`;
  const filled = Object.entries(parts).reduce(
    (text, [name, part]) => {
      const [start, end] = [`<!-- ${name} -->`, '<!-- end -->'];
      const from = text.indexOf(start) + start.length;
      const to = text.indexOf(end, from);
      if (from < start.length || to < 0) throw new Error(`README.md has no part ${start}`);
      return `${text.slice(0, from)}\n\n${part}\n\n${text.slice(to)}`;
    },
    readFileSync(filepath, 'utf8'),
  );
  return format(filled, { ...(await resolveConfig(filepath)), filepath });
}

/** Writes the tables and the chart of the benchmark. @returns its part of the README */
async function speed() {
  const load = (name) => import(`../bench/mirror/${name}.ts`);
  const [{ markdown, summary }, { chart }] = await Promise.all(['table', 'chart'].map(load));
  const results = JSON.parse(readFileSync(`${root}bench/results/results.json`, 'utf8'));
  put('bench/results/results.md', markdown(results));
  put('bench/results/results.svg', chart(results));
  return summary(results);
}

process.env.TZ = 'UTC';
mkdirSync(`${root}docs/images`, { recursive: true });
mkdirSync(`${root}schema`, { recursive: true });
// A sandbox changes the environment of this process, so one must close before the next opens.
put('docs/operations/audit.md', await audit());
const { run, close } = await openWorld();
try {
  put('schema/ecr-bootstrap.schema.json', `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
  putSchemas();
  put('docs/reference/json.md', await documents());
  put('docs/reference/configuration.md', configuration());
  put('docs/reference/errors.md', errors());
  put('docs/reference/environment.md', await topicPage(environment));
  put('docs/reference/exit-codes.md', await topicPage(exitCodes));
  put('docs/reference/commands.md', await commandReference(run));
} finally {
  await close();
}
put('docs/images/session.svg', await recordPicture());
const quickStart = `\`\`\`text\n${await recordQuickStart()}\n\`\`\``;
put('README.md', await readme({ 'quick start': quickStart, speed: await speed() }));
if (stale.length > 0) {
  console.error(`Stale: ${stale.join(', ')}. Run npm run docs.`);
  process.exitCode = 1;
}
