// Demonstrates the program in a sandbox. The program is the real one and uses HTTP; only the servers are fakes.
import { openWorld } from './world.mjs';

const color = process.stdout.isTTY && !process.env.NO_COLOR;
const bold = (text) => (color ? `\u001b[1m${text}\u001b[0m` : text);
const say = (text) => console.log(`\n${bold(`# ${text}`)}`);

const { world, run, close } = await openWorld({ echo: true });
const failures = [];

/** Runs a command and shows its output. `expected` is the exit code that the demo needs. */
async function type(line, expected = 0) {
  console.log(bold(`$ ecr-bootstrap ${line}`));
  const { exitCode } = await run(line);
  if (exitCode !== expected) failures.push(`ecr-bootstrap ${line}: exit code ${exitCode}, not ${expected}`);
}

function expectThat(holds, text) {
  console.log(`  ${holds ? '✓' : '✗'} ${text}`);
  if (!holds) failures.push(text);
}

const token = (namespace) => world.cluster.get('Secret', 'puller', namespace)?.data['.dockerconfigjson'];
const webImage = `${world.registryHost}/demo/docker.io/library/nginx:1.27`;
const pulls = (namespace) => {
  const text = Buffer.from(token(namespace) ?? '', 'base64').toString();
  return world.images.pull(webImage, 'linux/amd64', [text]);
};

/** Does what the editor of the IAM console does: it creates a new default version, which allows everything. */
function widenPolicy(name) {
  const policy = [...world.aws.identities.policies.values()].find((each) => each.name === name);
  const everything = { Effect: 'Allow', Action: '*', Resource: '*' };
  const document = JSON.stringify({ Version: '2012-10-17', Statement: [everything] });
  policy.lastVersion += 1;
  policy.defaultVersion = `v${policy.lastVersion}`;
  policy.versions.set(policy.defaultVersion, { document, created: world.clock.now() });
}

say('An empty AWS account, and a cluster that reaches only AWS.');
await type('up --yes');
say('Run it again. Nothing has to change.');
await type('up --yes');
say('Check the health.');
await type('status');

say('Thirteen hours pass. ECR tokens are valid for twelve.');
const before = token('shop');
world.clock.advance(13 * 3_600_000);
await world.cluster.settled();
// The kubelet refreshes the Secret that the agent mounts.
world.clock.advance(2 * 60_000);
await world.cluster.settled();
expectThat(token('shop') !== before, 'the pull secret in namespace shop was renewed');
expectThat((await pulls('shop')) === 'pulled', `a node pulls ${webImage} with it`);

say('You create a namespace.');
world.cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
await world.cluster.settled();
expectThat((await pulls('team-a')) === 'pulled', 'it has a pull secret at once, and a node can pull with it');
const account = world.cluster.get('ServiceAccount', 'default', 'team-a');
expectThat(
  account?.imagePullSecrets?.some((secret) => secret.name === 'puller'),
  'its default service account uses it',
);

say(
  'The node loses all images, including the pause image. All pods are deleted, including the control plane.',
);
const node = world.cluster.machine('node-1');
const images = () =>
  world.cluster.list('Pod').flatMap((pod) => pod.spec.containers.map(({ image }) => image));
const named = [...new Set(images().filter((image) => !image.startsWith(world.registryHost)))].sort();
const startStaticPods = node.stopStaticPods();
node.removeImages();
for (const pod of world.cluster.list('Pod'))
  world.cluster.delete('Pod', pod.metadata.name, pod.metadata.namespace);
await world.cluster.settled();
startStaticPods();
await world.cluster.settled();
const isRunning = (pod) => pod.status?.phase === 'Running';
expectThat(
  world.cluster.list('Pod').every(isRunning) && named.every((image) => images().includes(image)),
  `all pods run again, with ${named.length} images from ECR under their public names, for example ${named.at(-1)}`,
);

say(
  'Another user deletes a repository, and changes the policy of image-puller so that it allows everything.',
);
world.aws.registry.repositories.delete('demo/docker.io/library/nginx');
widenPolicy('ecr-bootstrap-image-puller');
await type('status', 3);
say('Run up, which repairs the drift.');
await type('up --yes');
await type('status');

await close();
if (failures.length > 0) {
  console.error(`\nThe demo failed:\n${failures.map((failure) => `  ${failure}`).join('\n')}`);
  process.exitCode = 1;
}
