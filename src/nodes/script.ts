import { BootstrapError } from '../core/errors.ts';
import { probeHost } from '../core/ownership.ts';
import { readPackageFile } from '../core/paths.ts';
import type { NodesContext } from './context.ts';

/**
 * The script that lets a node pull from ECR before it joins: it writes the files that the agent keeps later. It has no
 * secret in it.
 * @throws BootstrapError `not-ready` before `up` has chosen the registries
 */
export async function joinScript(ctx: NodesContext): Promise<string> {
  const { config, inventory } = ctx;
  const [hosts, registryHost] = await Promise.all([inventory.mirroredHosts(), ctx.registryHost()]);
  if (hosts.length === 0) {
    throw new BootstrapError({
      code: 'not-ready',
      what: 'could not print the script for nodes',
      why: 'nodes of this cluster do not pull from ECR yet',
      hint: 'Run `ecr-bootstrap up`. If it skips the step node-access, set nodes.access: on.',
    });
  }
  return script({
    MODE: 'write',
    PROJECT: config.project,
    ECR: registryHost,
    REGION: config.aws.region,
    HOSTS: [...hosts, probeHost].sort().join(' '),
  });
}

/** The script that undoes {@link joinScript}, and what the agent wrote. */
export const removalScript = (project: string): string => script({ MODE: 'remove', PROJECT: project });

function script(values: Readonly<Record<string, string>>): string {
  const assignments = Object.entries(values).map(([name, value]) => `${name}='${plain(value)}'\n`);
  return ['#!/bin/sh\n', ...assignments, readScripts('node-files', 'node-join')].join('');
}

/** The text of the shell scripts in `manifests`, one after the other. */
export const readScripts = (...names: readonly string[]): string =>
  names.map((name) => readPackageFile(`manifests/${name}.sh`)).join('\n');

/** The values are validated where they enter. A quote would end the text in the script. */
function plain(value: string): string {
  if (/^[\w./ -]*$/.test(value)) return value;
  throw new Error(`${JSON.stringify(value)} cannot be part of a shell script`);
}
