import { built } from './build.ts';
import { peer } from './peers.ts';

/** What a run is about. */
export interface Job {
  /** A file with a source and a target reference in each line. */
  readonly list: string;
  /** The same with `docker://` before each reference. */
  readonly dockerList: string;
  readonly source: string;
  readonly target: string;
  readonly isTls: boolean;
  /** Address of a Docker engine, for tools that use one. */
  readonly dockerHost: string;
}

export interface Tool {
  readonly name: ToolName;
  command(job: Job): readonly string[];
}

export const toolNames = ['registry', 'crane', 'regctl', 'skopeo', 'docker', 'loop'] as const;
export type ToolName = (typeof toolNames)[number];
/** Other people's programs that copy from registry to registry. */
export const peers: readonly ToolName[] = ['crane', 'regctl', 'skopeo'];
/** These work through a Docker engine. */
export const dockerTools: readonly ToolName[] = ['docker', 'loop'];

const atOnce = 8;

const descriptions: Readonly<Record<ToolName, string>> = {
  registry: 'ecr-bootstrap, registry engine',
  docker: 'ecr-bootstrap, docker engine',
  crane: `crane copy, ${atOnce} at once`,
  regctl: `regctl image copy, ${atOnce} at once`,
  skopeo: `skopeo copy --all, ${atOnce} at once`,
  loop: 'docker pull, tag, push in a loop',
};

export const describeTool = (name: ToolName): string => descriptions[name];

/** Runs a program once for each line of the list, so many at once as an operator would by hand. */
const each = (count: number, list: string, command: readonly string[]): string[] => [
  ...['xargs', '-a', list, '-L', '1', '-P', String(count)],
  ...command,
];

const loop = 'docker pull -q "$1" && docker tag "$1" "$2" && docker push -q "$2"';

/** Prepares a tool: builds what has to be built. */
export function prepare(name: ToolName): Tool {
  switch (name) {
    case 'registry':
      return { name, command: engine(name) };
    case 'docker':
      return { name, command: engine(name) };
    case 'crane': {
      const crane = peer('crane');
      return { name, command: ({ list }) => each(atOnce, list, [crane, 'copy']) };
    }
    case 'regctl':
      return { name, command: regctl(peer('regctl')) };
    case 'skopeo':
      return { name, command: skopeo };
    case 'loop':
      return { name, command: ({ list }) => each(1, list, ['sh', '-c', loop, 'loop']) };
  }
}

function engine(name: 'registry' | 'docker'): Tool['command'] {
  const { engine: script } = built();
  return ({ list, dockerHost, isTls }) => [
    ...[process.execPath, script, '--engine', name, '--list', list],
    ...['--protocol', isTls ? 'https' : 'http'],
    ...(dockerHost === '' ? [] : ['--docker-host', dockerHost]),
  ];
}

const regctl =
  (program: string): Tool['command'] =>
  ({ list, source, target, isTls }) => {
    const plain = [source, target].flatMap((host) => ['--host', `reg=${host},tls=disabled`]);
    return each(atOnce, list, [program, ...(isTls ? [] : plain), 'image', 'copy']);
  };

const skopeo: Tool['command'] = ({ dockerList, isTls }) => {
  const verify = ['--src-tls-verify', '--dest-tls-verify'].map((flag) => `${flag}=${isTls}`);
  return each(atOnce, dockerList, ['skopeo', '--insecure-policy', 'copy', '--all', '-q', ...verify]);
};
