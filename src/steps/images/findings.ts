import type { Finding } from '../../plan/index.ts';
import type { Context } from '../context.ts';
import { type InternetImage, internetImages } from './internet.ts';

/** One for each image outside the ECR, naming everybody who uses it. */
export async function internetFindings(ctx: Context): Promise<Finding[]> {
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

const named = (first: InternetImage, others: readonly InternetImage[]): Finding => ({
  level: 'warning',
  code: 'internet-image',
  target: { kind: 'image', name: first.image },
  what: `${first.image} is outside this ECR`,
  why: `named by ${listed([first, ...others])}`,
  hint: first.instead === undefined ? 'Give it a name in the ECR under images.map.' : `Use ${first.instead}`,
});

/** In order: no pull secret reaches static pods, whatever they name, so all of their images have to be on the node. */
const ofStaticPods = (first: InternetImage, others: readonly InternetImage[]): Finding => ({
  level: 'ok',
  code: 'static-pod-image',
  target: { kind: 'image', name: first.image },
  what: `${first.image} is of static pods; before an upgrade preload the next one on the node, see docs/kubeadm.md`,
  why: `named by ${listed([first, ...others])}, for which the kubelet pulls without a pull secret`,
  hint: `Preload ${first.instead ?? 'its next version'} on the node before an upgrade, see docs/kubeadm.md.`,
});

function listed(users: readonly InternetImage[]): string {
  const shown = users.slice(0, 3).map(({ workload }) => workload);
  return `${shown.join(', ')}${users.length > 3 ? ` and ${users.length - 3} more` : ''}`;
}
