import { isSea } from 'node:sea';
import { toError } from '../../config/validate.ts';
import { ownVersion } from '../../core/paths.ts';
import { type Check, diagnosis, failure, fine } from './check.ts';

/** The oldest version that is supported, as in package.json. */
const oldestNode = [20, 19] as const;

export const program: Check = {
  id: 'program',
  title: 'Program',
  needs: [],
  run: () => Promise.resolve([programVersion(process.versions.node)]),
};

/** @param version of Node.js, for example `20.19.2` */
export function programVersion(version: string) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const facts = `ecr-bootstrap ${ownVersion()}, Node.js ${version}${isSea() ? ' in a single file' : ''}`;
  const [wantedMajor, wantedMinor] = oldestNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return fine(facts);
  return diagnosis('node-unsupported', {
    what: `Node.js ${version} is not supported`,
    why: `ecr-bootstrap needs Node.js ${oldestNode.join('.')} or newer`,
    hint: 'Install Node.js 24 from https://nodejs.org.',
  });
}

export const configuration: Check = {
  id: 'configuration',
  title: 'Configuration',
  needs: [],
  async run({ loaded }) {
    const { config, file, mistakes } = await loaded();
    if (mistakes.length > 0) return mistakes.map((mistake) => failure(toError(mistake)));
    return [fine(`${file ?? 'no file'}, project ${config.project}`)];
  },
};
