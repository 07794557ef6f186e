import { BootstrapError } from '../errors/index.ts';
import { plural } from '../output/units.ts';
import type { AnyStep, Context } from '../steps/context.ts';
import { internetImages } from '../steps/images/internet.ts';

/** What `up` cannot do for you, one line each. */
export async function leftByHand(ctx: Context, chosen: readonly AnyStep[]): Promise<string[]> {
  const ran = new Set(chosen.map((step) => step.id));
  const lines = await Promise.all([
    ran.has('power-user') ? keyForPowerUser(ctx) : undefined,
    ran.has('images') ? workloadsOnInternet(ctx) : undefined,
  ]);
  return lines.filter((line) => line !== undefined);
}

/** `up` makes no key for the user that pushes: whoever will use it should be the only one to see it. */
async function keyForPowerUser({ aws, config }: Context): Promise<string | undefined> {
  const { name, manage } = config.users.powerUser;
  if (!manage) return undefined;
  try {
    if ((await aws.iam.accessKeys(name)).length > 0) return undefined;
  } catch (error) {
    // Whoever may not list the keys cannot make one either.
    if (error instanceof BootstrapError && error.code === 'aws-denied') return undefined;
    throw error;
  }
  return `${name} has no access key; to push as that user: aws iam create-access-key --user-name ${name}`;
}

async function workloadsOnInternet(ctx: Context): Promise<string | undefined> {
  // Static pods have to have theirs on the node, wherever it comes from.
  const found = (await internetImages(ctx)).filter(({ isStatic }) => !isStatic);
  if (found.length === 0) return undefined;
  const images = new Set(found.map((entry) => entry.image));
  const workloads = new Set(found.map((entry) => entry.workload));
  return `${plural(workloads.size, 'workload')} still ${workloads.size === 1 ? 'names' : 'name'} ${plural(images.size, 'image')} on the internet: ecr-bootstrap images`;
}
