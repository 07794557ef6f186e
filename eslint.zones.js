/**
 * Who may import whom. Imports point one way: commands -> run -> steps -> domain folders -> clients -> core, and between
 * domain folders only to the left: images, iam, cluster <- mirror, external-secrets <- access-key <- nodes.
 */
const foundation = ['core', 'clients'];
const first = [...foundation, 'images', 'iam', 'cluster'];
const second = [...first, 'mirror', 'external-secrets'];
const third = [...second, 'access-key'];
const domain = [...third, 'nodes'];

/** Folder of `src` -> the other folders that it may import. */
const allowed = {
  core: [],
  clients: ['core'],
  images: foundation,
  iam: foundation,
  cluster: foundation,
  mirror: first,
  'external-secrets': first,
  'access-key': second,
  nodes: third,
  steps: domain,
  config: first,
  output: [...domain, 'config'],
  run: [...domain, 'steps', 'config', 'output'],
  commands: [...domain, 'steps', 'config', 'output', 'run'],
};

/** The type of the configuration is known everywhere; see the rule about type-only imports of it. */
const configType = './config/schema.ts';

const folderZones = Object.entries(allowed).map(([folder, others]) => ({
  target: `./src/${folder}`,
  from: './src',
  except: [...[folder, ...others].map((name) => `./${name}`), configType],
  message: `${folder} may import only ${others.join(', ') || 'its own files'}.`,
}));

/** A step imports no other step; only the list of steps does. */
const stepZone = {
  target: './src/steps/!(index).ts',
  from: './src/steps',
  except: ['./context.ts'],
  message: 'A step imports no other step: shared work moves into a domain folder.',
};

const sandboxZones = [
  {
    target: './sandbox',
    from: './src',
    message: 'The sandbox stands beside the product and imports nothing of it.',
  },
  {
    target: ['./src/!(commands)/**', './src/*.ts', './src/commands/*.ts'],
    from: './sandbox',
    message: 'Only the sandbox command knows the sandbox.',
  },
];

export const importZones = [...folderZones, stepZone, ...sandboxZones];

/** Folders that know of the configuration's schema only its type. */
export const withoutConfig = Object.keys(allowed).filter(
  (folder) => !allowed[folder].includes('config') && folder !== 'config',
);
