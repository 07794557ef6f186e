import type { Change } from '../../core/step.ts';
import type { MirrorContext } from '../context.ts';
import { adoptedTags, compareTags } from '../../iam/tags.ts';
import type { RepositoriesState } from './state.ts';

/** Repairs the drifted settings of a repository. */
export async function update(
  { target: { name }, fields, adopts }: Change,
  { settings, tags, repositories }: RepositoriesState,
  { aws: { ecr } }: MirrorContext,
): Promise<void> {
  const { tagMutability, scanOnPush, lifecyclePolicy } = settings;
  const drifted = (path: string): boolean => fields.some((field) => field.path.startsWith(path));
  const observed = repositories.find((repository) => repository.name === name)?.observed;
  if (observed && compareTags(tags, observed.tags).length > 0) {
    await ecr.tag(observed.repository.arn, adopts ? adoptedTags(tags) : tags);
  }
  if (drifted('tagMutability')) await ecr.setTagMutability(name, tagMutability);
  if (scanOnPush !== undefined && drifted('scanOnPush')) await ecr.setScanOnPush(name, scanOnPush);
  if (lifecyclePolicy && drifted('lifecyclePolicy'))
    await ecr.setLifecyclePolicy(name, JSON.stringify(lifecyclePolicy));
}
