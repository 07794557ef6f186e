import { atOnce, type Change } from '../../plan/index.ts';
import type { Run, Step } from '../context.ts';
import { compareTags } from '../tags.ts';
import { diffRepositories } from './diff.ts';
import { removeRepositories } from './remove.ts';
import { observeRepositories, type RepositoriesState, seeRepository } from './state.ts';

/** Changes at once: enough to be quick, few enough not to be throttled. */
const width = 8;

/** One repository in the ECR for every wanted image; ECR makes none by itself when something is pushed. */
export const repositories: Step<RepositoriesState> = {
  id: 'repositories',
  title: 'repositories in the ECR',
  needs: ['aws'],
  observe: observeRepositories,
  diff: diffRepositories,
  apply: (changes, state, run) => atOnce(width, changes, run, (change) => carry(change, state, run)),
  remove: removeRepositories,
};

async function carry(change: Change, state: RepositoriesState, run: Run): Promise<unknown> {
  const { settings, tags, repositories } = state;
  const { ecr } = run.ctx.aws;
  const { name } = change.target;
  const { tagMutability, scanOnPush, encryption, lifecyclePolicy } = settings;
  const drifted = (path: string): boolean => change.fields.some((field) => field.path.startsWith(path));
  const policyText = JSON.stringify(lifecyclePolicy);

  if (change.action === 'delete') return ecr.deleteRepository(name);
  if (change.action === 'create') {
    const creation = await ecr.createRepository({
      name,
      tags,
      tagMutability,
      ...(scanOnPush === undefined ? {} : { scanOnPush }),
      ...(encryption ? { encryption: { type: encryption.type, ...key(encryption.kmsKey) } } : {}),
    });
    if (creation === 'exists') return goOn(name, state, run);
    if (lifecyclePolicy) await ecr.setLifecyclePolicy(name, policyText);
    return undefined;
  }
  const seen = repositories.find((repository) => repository.name === name)?.seen;
  if (seen && compareTags(tags, seen.tags).length > 0) await ecr.tag(seen.repository.arn, tags);
  if (drifted('tagMutability')) await ecr.setTagMutability(name, tagMutability);
  if (scanOnPush !== undefined && drifted('scanOnPush')) await ecr.setScanOnPush(name, scanOnPush);
  if (lifecyclePolicy && drifted('lifecyclePolicy')) await ecr.setLifecyclePolicy(name, policyText);
  return undefined;
}

/** With a repository that turned out to be there, as with one that was seen: what is not ours is used as it is. */
async function goOn(name: string, state: RepositoriesState, run: Run): Promise<string> {
  const again = { ...state, repositories: [{ name, images: [], seen: await seeRepository(name, run.ctx) }] };
  const left = diffRepositories(again).changes.filter(({ action, adopts }) => action === 'update' && !adopts);
  for (const change of left) await carry(change, again, run);
  return 'it was there by then';
}

const key = (kmsKey: string | undefined): { kmsKey?: string } => (kmsKey ? { kmsKey } : {});
