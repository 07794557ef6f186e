import { BootstrapError } from '../core/errors.ts';
import { docsPage } from '../core/paths.ts';
import { type Finding, finding } from '../core/findings.ts';
import { groupBy } from '../core/group-by.ts';
import type { MirrorContext } from './context.ts';
import { sourceNaming } from './pulled-images.ts';
import { type InternetImage, internetImages } from './internet.ts';

/** Reports nodes with a platform that no image can have. */
export async function oddNodesFinding({ config, inventory }: MirrorContext): Promise<Finding | undefined> {
  if (config.images.platforms !== 'cluster') return undefined;
  const nodes = await inventory.oddNodes().catch(noneIfUnknown);
  const [first, ...others] = nodes;
  if (!first) return undefined;
  const listed = [...new Set(nodes.map(({ platform }) => JSON.stringify(platform.slice(0, maxLength))))];
  const more = listed.length > maxShown ? ` and ${listed.length - maxShown} more` : '';
  return finding('platform-invalid', {
    target: { kind: 'Node', name: first.name },
    what: `node ${first.name}${others.length > 0 ? ` and ${others.length} more` : ''} ${others.length > 0 ? 'report platforms' : 'reports a platform'} that no image can have`,
    why: `not in the form os/arch or os/arch/variant: ${listed.slice(0, maxShown).join(', ')}${more}`,
    hint: `Check what the node reports: \`kubectl get node ${first.name} -o jsonpath={.status.nodeInfo}\`. Images are copied for the other nodes; to choose platforms, set images.platforms.`,
  });
}

/** Reports what could not be read, so that its images are missing in ECR. */
export async function unreadFindings({ inventory }: MirrorContext): Promise<Finding[]> {
  return (await inventory.unreadImages().catch(noneIfUnknown)).map(({ what, why, hint }) =>
    finding('images-unread', { target: { kind: 'step', name: 'images' }, what, why, hint }),
  );
}

/** An unreachable cluster is reported where the platforms are needed. */
function noneIfUnknown(error: unknown): readonly never[] {
  if (!(error instanceof BootstrapError)) throw error;
  return [];
}

/** Platforms or workloads listed in one finding. */
const maxShown = 3;
/** Characters of a platform. */
const maxLength = 64;

/** One finding for each image that is pulled from elsewhere than this ECR registry, with the workloads that use it. */
export async function internetFindings(ctx: MirrorContext): Promise<Finding[]> {
  const byImage = groupBy(await internetImages(ctx), ({ image }) => image);
  const sourceOf = sourceNaming(await ctx.registryHost(), ctx.config);
  return [...byImage.values()].flatMap((users) => {
    const [first, ...others] = users.filter(({ isStatic }) => !isStatic);
    if (first?.isAlias) return [aliasFinding(first, others)];
    if (first) {
      // An image that cannot be copied keeps nodes from pulling its registry from ECR.
      const causedBy = { kind: 'image', name: sourceOf(first.image) };
      return [{ ...internetFinding(first, others), causedBy }];
    }
    const [only, ...rest] = users;
    return only ? [staticPodFinding(only, rest)] : [];
  });
}

/** The kubelet looks up credentials by host, and a pull secret has only the host that ECR reports. */
const aliasFinding = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  finding('registry-alias', {
    target: { kind: 'image', name: first.image },
    what: `${workloads(first, others)} ${pull(others)} ${first.image} from a host that the pull secret does not cover`,
    why: 'the host is another name of this ECR registry, and the kubelet looks up credentials by host',
    hint: `Change the reference to ${first.instead ?? 'use the host that `aws ecr get-authorization-token` prints'}`,
  });

const internetFinding = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  finding('internet-image', {
    target: { kind: 'image', name: first.image },
    what: `${workloads(first, others)} ${pull(others)} ${first.image} from the internet`,
    why: `${first.nodeWithoutAgent === undefined ? '' : `node ${first.nodeWithoutAgent} has no agent, and `}nodes without internet access can pull from ECR only`,
    hint:
      first.instead === undefined
        ? "Set the image's name in ECR under images.map."
        : `Change the reference to ${first.instead}`,
  });

/** OK, because static pods have no pull secret: their images must be on the node, whatever the registry. */
const staticPodFinding = (first: InternetImage, others: readonly InternetImage[]): Finding =>
  finding('static-pod-image', {
    target: { kind: 'image', name: first.image },
    what: `${workloads(first, others)} ${others.length > 0 ? 'use' : 'uses'} ${first.image} in a static pod`,
    why: 'the kubelet pulls images of static pods without a pull secret',
    hint: `Preload ${first.instead ?? 'its next version'} on the node before an upgrade, see ${docsPage('tasks/kubeadm.md#static-pods-and-the-pause-image')}`,
  });

function workloads(first: InternetImage, others: readonly InternetImage[]): string {
  const users = [first, ...others];
  const shown = users.slice(0, maxShown).map(({ workload }) => workload);
  return `${shown.join(', ')}${users.length > maxShown ? ` and ${users.length - maxShown} more` : ''}`;
}

const pull = (others: readonly InternetImage[]): string => (others.length > 0 ? 'pull' : 'pulls');
