import type { Finding } from '../../plan/index.ts';
import type { Context } from '../context.ts';
import { type InternetImage, internetImages } from './internet.ts';

/** One warning for each image outside the ECR, naming everybody who uses it. */
export async function internetFindings(ctx: Context): Promise<Finding[]> {
  const byImage = new Map<string, InternetImage[]>();
  for (const found of await internetImages(ctx)) {
    byImage.set(found.image, [...(byImage.get(found.image) ?? []), found]);
  }
  return [...byImage.values()].flatMap(([first, ...others]) => (first ? [finding(first, others)] : []));
}

function finding(first: InternetImage, others: readonly InternetImage[]): Finding {
  const users = [first, ...others].map((found) => found.workload);
  const shown = users.slice(0, 3).join(', ');
  return {
    level: 'warning',
    code: 'internet-image',
    target: { kind: 'image', name: first.image },
    what: `${first.image} is outside this ECR`,
    why: `named by ${shown}${users.length > 3 ? ` and ${users.length - 3} more` : ''}`,
    hint: hintFor(first),
  };
}

function hintFor({ instead, isStatic }: InternetImage): string {
  if (instead === undefined) return 'Give it a name in the ECR under images.map.';
  if (isStatic)
    return `Preload ${instead} on the node: static pods have no pull secret (see docs/kubeadm.md).`;
  return `Use ${instead}`;
}
