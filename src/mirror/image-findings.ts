import { BootstrapError } from '../core/errors.ts';
import { docsPage } from '../core/paths.ts';
import type { OddNode } from '../cluster/inventory.ts';
import type { Finding } from '../core/findings.ts';
import type { MirrorContext } from './context.ts';
import { type InternetImage, internetImages } from './internet.ts';
import { finding } from '../core/findings.ts';

/** What is to be known of nodes whose platform nothing can be copied for; undefined when there are none. */
export async function oddNodesFinding({ config, inventory }: MirrorContext): Promise<Finding | undefined> {
  if (config.images.platforms !== 'cluster') return undefined;
  const nodes = await inventory.oddNodes().catch(unlessDenied);
  const [first, ...others] = nodes;
  if (!first) return undefined;
  const listed = [...new Set(nodes.map(({ platform }) => JSON.stringify(platform.slice(0, maxLength))))];
  const more = listed.length > maxShown ? ` and ${listed.length - maxShown} more` : '';
  return finding('platform-odd', {
    target: { kind: 'Node', name: first.name },
    what: `node ${first.name}${others.length > 0 ? ` and ${others.length} more` : ''} reported a platform for which no image can exist`,
    why: `${listed.slice(0, maxShown).join(', ')}${more} is not written as os/arch or os/arch/variant`,
    hint: `Check what the node reports: kubectl get node ${first.name} -o jsonpath={.status.nodeInfo}. Images are copied for the other nodes, or for what images.platforms lists.`,
  });
}

/** Without a cluster that answers, the platforms are unknown, which is reported where they are needed. */
function unlessDenied(error: unknown): readonly OddNode[] {
  if (!(error instanceof BootstrapError)) throw error;
  return [];
}

/** Platforms in one finding, and characters of each. */
const maxShown = 3;
const maxLength = 64;

/** One for each image outside the ECR, naming everybody who uses it. */
export async function internetFindings(ctx: MirrorContext): Promise<Finding[]> {
  const byImage = new Map<string, InternetImage[]>();
  for (const found of await internetImages(ctx)) {
    byImage.set(found.image, [...(byImage.get(found.image) ?? []), found]);
  }
  return [...byImage.values()].flatMap((users) => {
    const [first, ...others] = users.filter(({ isStatic }) => !isStatic);
    if (first) return [named(first, others)];
    const [only, ...rest] = users;
    return only ? [ofStaticPods(only, rest)] : [];
  });
}

const named = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  first.isAlias ? ofAlias(first, others) : outside(first, others);

/** The kubelet looks up logins by host, and a pull secret holds the one for the host that ECR names. */
const ofAlias = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  finding('registry-alias', {
    target: { kind: 'image', name: first.image },
    what: `${first.image} names this ECR by a host that the pull secret does not cover`,
    why: `named by ${listed([first, ...others])}`,
    hint: `Use ${first.instead ?? 'the host that `aws ecr get-authorization-token` prints'}`,
  });

const outside = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  finding('internet-image', {
    target: { kind: 'image', name: first.image },
    what: `${first.image} is outside this ECR`,
    why: `named by ${listed([first, ...others])}`,
    hint:
      first.instead === undefined ? 'Give it a name in the ECR under images.map.' : `Use ${first.instead}`,
  });

/** In order: no pull secret reaches static pods, whatever they name, so all of their images have to be on the node. */
const ofStaticPods = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  finding('static-pod-image', {
    target: { kind: 'image', name: first.image },
    what: `${first.image} is of static pods; preload the next one on the node before an upgrade`,
    why: `named by ${listed([first, ...others])}, for which the kubelet pulls without a pull secret`,
    hint: `Preload ${first.instead ?? 'its next version'} on the node before an upgrade, see ${docsPage('tasks/kubeadm.md#static-pods-and-the-pause-image')}`,
  });

function listed(users: readonly InternetImage[]): string {
  const shown = users.slice(0, 3).map(({ workload }) => workload);
  return `${shown.join(', ')}${users.length > 3 ? ` and ${users.length - 3} more` : ''}`;
}
