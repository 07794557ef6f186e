// Records, in sandboxes, the sessions that the README shows.
import { stripVTControlCharacters } from 'node:util';
import { openWorld } from './world.mjs';
import { terminalPicture } from './terminal-picture.ts';

/** The picture: what is wrong, the fix, and the health afterwards. `seconds` is the time to read the output. */
const story = [
  {
    remark: 'No internet access: a pod that was moved to another node cannot pull.',
    line: 'status',
    seconds: 5,
  },
  { line: 'up', answer: 'y', seconds: 2 },
  { remark: 'The pod runs. Tokens renew themselves.', line: 'status', seconds: 0 },
];

/** The steps of the quick start. Each pattern of `shows` selects lines of the output. */
const quickStart = [
  {
    does: 'write ecr-bootstrap.yaml; demo/ begins each name in ECR',
    line: 'init --project demo',
    shows: [/./],
  },
  {
    does: 'check everything that up needs; this changes nothing',
    line: 'doctor',
    shows: [/^✓ AWS permissions/, /^✓ Cluster rights/, /^Ready/],
  },
  {
    does: 'show the plan; this changes nothing',
    line: 'up --dry-run',
    shows: [/ External Secrets Operator/, / to copy/, /^Plan:/],
  },
  { does: 'apply it', line: 'up', answer: 'y', shows: [/^Apply/, /\[y\/N\]/, /^✓ images/, /^Done/] },
  {
    does: 'show the health at any time',
    line: 'status',
    shows: [/^Healthy/, /^✓ Tokens/, /^✓ Nodes/],
  },
];

/** An SVG of the story. */
export async function recordPicture() {
  const { world, run, close } = await openWorld();
  try {
    const isRunning = await movePod(world);
    const lines = [];
    let pauseSeconds = 0;
    for (const { remark, line, answer, seconds } of story) {
      const typed = [...(remark ? [dim(`# ${remark}`)] : []), prompt(line)];
      lines.push(...typed.map((text, index) => ({ text, pauseSeconds: index === 0 ? pauseSeconds : 1.5 })));
      const { output } = await run(line, { color: true, answer });
      lines.push(...paced(output.trimEnd().split('\n')), { text: '', pauseSeconds: 0 });
      pauseSeconds = seconds;
    }
    if (!isRunning()) throw new Error('the pod does not run at the end of the story');
    return terminalPicture('recorded in the sandbox of ecr-bootstrap', lines.slice(0, -1));
  } finally {
    await close();
  }
}

const dim = (text) => `\u001b[2m${text}\u001b[22m`;
const prompt = (line) => `\u001b[32m$\u001b[39m \u001b[1mecr-bootstrap ${line}\u001b[22m`;

/** Output appears at once. After a question about a plan, the lines of the run appear one by one. */
function paced(texts) {
  const question = texts.findIndex((text) => text.includes('[y/N]'));
  return texts.map((text, index) => {
    if (index === 0) return { text, pauseSeconds: 0.8 };
    if (question < 0 || index <= question) return { text, pauseSeconds: 0 };
    return { text, pauseSeconds: index === question + 1 ? 5 : 0.12 };
  });
}

/** The node gets a pod whose image it does not have. @returns whether the pod runs */
async function movePod({ cluster, clock }) {
  const [name, namespace] = ['prometheus-0', 'monitoring'];
  cluster.machine('node-1').removeImages(({ reference }) => reference.path.endsWith('prometheus'));
  cluster.delete('Pod', name, namespace);
  await cluster.settled();
  clock.advance(60_000);
  await cluster.settled();
  return () => cluster.get('Pod', name, namespace)?.status?.phase === 'Running';
}

/** The text of the quick start: each command with a part of its output. */
export async function recordQuickStart() {
  const { run, close } = await openWorld({ configured: false });
  try {
    const steps = [];
    for (const { does, line, answer, shows } of quickStart) {
      const { exitCode, output } = await run(line, { answer });
      if (exitCode !== 0) throw new Error(`${line}: ${output}`);
      steps.push(`$ ecr-bootstrap ${line}   # ${does}\n${excerpt(output, shows)}`);
    }
    return steps.join('\n\n');
  } finally {
    await close();
  }
}

/** The lines that the patterns select. */
function excerpt(output, shows) {
  const lines = stripVTControlCharacters(output).replaceAll('\r', '').trimEnd().split('\n');
  const unused = shows.find((pattern) => !lines.some((line) => pattern.test(line)));
  if (unused) throw new Error(`no line of the output matches ${unused}:\n${output}`);
  return lines.filter((line) => shows.some((pattern) => pattern.test(line))).join('\n');
}
