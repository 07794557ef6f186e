import { dockerConfigCredentials } from '../../clients/registry/docker-config.ts';
import { BootstrapError } from '../../core/errors.ts';
import { parseReference } from '../../images/reference.ts';
import { originOf, type WantedImage } from '../../images/wanted.ts';
import type { RunContext } from '../context.ts';
import type { Diagnosis } from '../../output/index.ts';
import { plural } from '../../output/units.ts';
import { type Check, failure, fine } from './check.ts';

/** The YAML of the operator, which comes from the internet unless the configuration names a file. */
export const operatorRelease: Check = {
  id: 'operator-release',
  title: 'Operator YAML',
  needs: [],
  settings: ['externalSecrets'],
  async run({ context }) {
    const { operatorSource, config } = await context();
    if (!config.externalSecrets.install) return [fine('not needed: externalSecrets.install is false')];
    const { from } = await operatorSource.load();
    return [fine(from)];
  },
};

/** The registries of the images that ECR does not have yet, and the logins for them. */
export const sources: Check = {
  id: 'sources',
  title: 'Source images',
  needs: ['aws', 'cluster'],
  settings: ['images', 'mirror', 'nodes'],
  async run({ context, session, signal }) {
    const ctx = await context();
    const missing = await missingImages(ctx);
    if (missing.length === 0) return [fine('ECR has every image')];
    const credentials = dockerConfigCredentials(session.env);
    const hosts = [...new Set(missing.map(hostOf))].sort();
    const logins = await Promise.all(
      hosts.map(async (host) => `${host} (${(await credentials.find(host)) ? 'login' : 'no login'})`),
    );
    const { engine } = ctx.config.mirror;
    const unavailable = await ctx.mirror.unavailable(missing, { engine, signal });
    if (unavailable.size === 0) return [fine(`${missing.length} to copy from ${logins.join(', ')}`)];
    return alike([...unavailable.values()]);
  },
};

/** One line per kind of error: a registry that is unreachable fails for every image. */
function alike(errors: readonly BootstrapError[]): Diagnosis[] {
  return [...new Set(errors.map(({ code }) => code))].flatMap((code) => {
    const [first, ...others] = errors.filter((error) => error.code === code);
    if (!first) return [];
    const more = others.length > 0 ? `, and so for ${plural(others.length, 'other image')}` : '';
    // `up` skips an image that does not exist, and fails for one that it cannot copy.
    const level = code === 'image-missing' ? 'warning' : 'failed';
    return [{ ...failure(first), level, what: `${first.what}${more}` }];
  });
}

const hostOf = (image: WantedImage): string => parseReference(originOf(image)).host;

async function missingImages(ctx: RunContext): Promise<readonly WantedImage[]> {
  const [{ operator, others }, platforms] = await Promise.all([ctx.wantedImages(), ctx.platforms()]);
  const presence = await ctx.mirror.presence([operator, ...others], platforms);
  return presence.flatMap(({ image, digest, error }) => (digest === undefined && !error ? [image] : []));
}

/** The Docker engine, if a run uses it. */
export const docker: Check = {
  id: 'docker',
  title: 'Docker engine',
  needs: [],
  settings: ['mirror'],
  async run({ context }) {
    const ctx = await context();
    const { engine } = ctx.config.mirror;
    if (engine === 'registry') return [fine('not needed: mirror.engine is registry')];
    try {
      const port = await ctx.docker();
      return [fine(`${await port.version()} at ${port.address}`)];
    } catch (error) {
      if (!(error instanceof BootstrapError) || engine === 'docker') throw error;
      return [fine('not reachable; only images that no registry has need it')];
    }
  },
};
