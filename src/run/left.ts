import { BootstrapError } from '../core/errors.ts';
import { plural } from '../output/units.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { internetImages } from '../mirror/internet.ts';

/** What `up` cannot do for you, one line each. */
export function leftByHand(ctx: Context, chosen: readonly AnyStep[]): readonly Promise<readonly string[]>[] {
  const ran = new Set(chosen.map((step) => step.id));
  return [
    ...(ran.has('power-user') ? [keyForPowerUser(ctx)] : []),
    ...(ran.has('images') ? [workloadsOnInternet(ctx)] : []),
  ];
}

/** `up` makes no key for the user that pushes: whoever will use it should be the only one to see it. */
async function keyForPowerUser({ aws, config }: Context): Promise<string[]> {
  const { name, manage } = config.users.powerUser;
  if (!manage) return [];
  try {
    if ((await aws.iam.accessKeys(name)).length > 0) return [];
  } catch (error) {
    // Whoever may not list the keys cannot make one either.
    if (error instanceof BootstrapError && error.code === 'aws-denied') return [];
    throw error;
  }
  return [`${name} has no access key; to push as that user: aws iam create-access-key --user-name ${name}`];
}

async function workloadsOnInternet(ctx: Context): Promise<string[]> {
  // Static pods have to have theirs on the node, wherever it comes from.
  const found = (await internetImages(ctx)).filter(({ isStatic }) => !isStatic);
  if (found.length === 0) return [];
  const images = new Set(found.map((entry) => entry.image));
  const workloads = new Set(found.map((entry) => entry.workload));
  return [
    `${plural(workloads.size, 'workload')} still ${workloads.size === 1 ? 'names' : 'name'} ${plural(images.size, 'image')} on the internet: ecr-bootstrap images`,
  ];
}
