import type { CommandEntry } from '../command.ts';

/** What people type first. */
const examples: readonly (readonly [line: string, does: string])[] = [
  ['npx ecr-bootstrap sandbox up', 'Try it without AWS and a cluster'],
  ['ecr-bootstrap init', 'Write ecr-bootstrap.yaml'],
  ['ecr-bootstrap doctor', 'Check everything that up needs'],
  ['ecr-bootstrap up', 'Set up AWS and the cluster'],
  ['ecr-bootstrap mirror nginx:1.28', 'Copy one more image'],
  ['ecr-bootstrap status', 'Show the health of every component'],
];

/** The commands of everyday use. The others are only named. */
const common = ['up', 'status', 'doctor', 'mirror', 'images', 'rotate', 'down', 'sandbox'];

/** The help of the whole program. It fits a terminal of 80 columns and 24 lines with the prompt. */
export function rootHelp(commands: readonly CommandEntry[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const nameWidth = Math.max(...common.map((name) => name.length));
  const isCommon = ({ name }: CommandEntry): boolean => common.includes(name);
  const others = commands.filter((entry) => !isCommon(entry)).map(({ name }) => name);
  return `Lets an air-gapped kubeadm cluster pull every image from a private Amazon ECR.

Examples:
${examples.map(([line, does]) => `  ${line.padEnd(width)}  ${does}`).join('\n')}

Commands:
${commands
  .filter(isCommon)
  .map(({ name, summary }) => `  ${name.padEnd(nameWidth)}  ${summary}`)
  .join('\n')}
Other commands: ${others.join(', ')}

Help: ecr-bootstrap help COMMAND, or help flags, environment or exit-codes
`;
}
