import { BootstrapError } from '../../core/errors.ts';
import { hoursAndMinutes } from '../../core/duration.ts';
import { tokenExpiry } from '../../external-secrets/tokens.ts';
import type { ChainLink } from '../../output/index.ts';
import type { StoredImage } from '../../mirror/pulled-images.ts';
import {
  type AccessEvidence,
  type Evidence,
  type ImageEvidence,
  isServing,
  known,
  type NodeEvidence,
  type PodEvidence,
  type Read,
} from './evidence.ts';

/** What was checked, from the name of the image to its bytes on a node. */
export function chainOf(evidence: Evidence): readonly ChainLink[] {
  const { users, image, node, access, pod } = evidence;
  return [
    ...(image ? [imageLink(image, users)] : []),
    ...(node ? nodeLinks(node, image) : []),
    ...(image ? [ecrLink(image)] : []),
    ...(access ? accessLinks(access) : []),
    ...(pod ? [kubeletLink(pod)] : []),
  ];
}

type Link = ChainLink['link'];

const ok = (link: Link, text: string): ChainLink => ({ link, state: 'ok', text });
const failed = (link: Link, text: string): ChainLink => ({ link, state: 'failed', text });
const unknown = (link: Link, { what, why }: BootstrapError): ChainLink => ({
  link,
  state: 'unknown',
  text: `not checked: ${what}: ${why}`,
});

/** A link for what was read, or for why it was not. */
function link<T>(name: Link, value: Read<T>, linkOf: (value: T) => ChainLink): ChainLink {
  return value instanceof BootstrapError ? unknown(name, value) : linkOf(value);
}

function imageLink(
  { name, invalid, route }: ImageEvidence,
  [first, ...others]: readonly string[],
): ChainLink {
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  const by = first === undefined ? ', which no workload names' : `, named by ${first}${more}`;
  if (invalid !== undefined) return failed('image', `${name}${by}`);
  return link('image', route, (from) =>
    from === 'ecr' || from === 'mirror'
      ? ok('image', `${name}${by}`)
      : failed('image', `${name}${by}; ${elsewhere[from]}`),
  );
}

const elsewhere = {
  alias: 'another name of this registry',
  'other-ecr': 'ECR of another account or region',
  internet: 'pulled from the internet',
} as const;

function nodeLinks(node: NodeEvidence, image: ImageEvidence | undefined): readonly ChainLink[] {
  const { name, object, isReady, hasDiskPressure, mirrored, access, finding, isTokenRefused } = node;
  const machine = link('node', object, (found) => {
    if (!found) return failed('node', `${name} does not exist`);
    if (!isReady) return failed('node', `${name} is not ready`);
    return hasDiskPressure ? failed('node', `${name} has disk pressure`) : ok('node', `${name} is ready`);
  });
  const route = image && known(image.route);
  if (route !== 'mirror' && image !== undefined) return [machine];
  const hosts = known(mirrored) ?? [];
  if (image === undefined && hosts.length === 0) {
    return [
      machine,
      link('mirror', mirrored, () => failed('mirror', 'nodes do not pull from ECR under public names')),
    ];
  }
  const what = image ? (image.host ?? '') : hosts.join(', ');
  return [
    machine,
    link('mirror', access, (state) => {
      if (!state) return failed('mirror', `${name} has no agent, so it pulls ${what} from the internet`);
      if (state.state === 'active') return ok('mirror', `${name} pulls ${what} from ECR`);
      return failed('mirror', `${finding?.what ?? name}: ${state.why}`);
    }),
    link('token', isTokenRefused, (refused) =>
      refused
        ? failed('token', 'ECR refuses the token on nodes')
        : ok('token', 'ECR accepts the token on nodes'),
    ),
  ];
}

const absences: Readonly<Record<Exclude<StoredImage['state'], 'present'>, string>> = {
  'no-repository': 'there is no such repository',
  'no-tag': 'the repository does not have this tag',
  'no-digest': 'the repository does not have this digest',
  archived: 'archived, so it cannot be pulled',
  'no-platform': 'not for',
  'unavailable-platform': 'not available for',
};

function ecrLink({ inEcr }: ImageEvidence): ChainLink {
  return link('ecr', inEcr, ({ repository, tag, state, platform }) => {
    const name = `${repository}${tag.includes(':') ? '@' : ':'}${tag}`;
    const on = platform === undefined ? '' : ` ${platform}`;
    if (state === 'present') return ok('ecr', `${name}${on && ` for${on}`}`);
    return failed('ecr', `${name}: ${absences[state]}${state.endsWith('platform') ? on : ''}`);
  });
}

function accessLinks(access: AccessEvidence): readonly ChainLink[] {
  const { account, listed, secrets, namespace, pullSecret, exclusion } = access;
  const from = `service account ${account.name}`;
  const uses = listed.length > 0 ? listed.join(', ') : 'none';
  const made =
    exclusion !== undefined
      ? failed('pull-secret', `namespace ${namespace} is excluded (${exclusion}); the pod uses ${uses}`)
      : listed.includes(pullSecret)
        ? ok('pull-secret', `${pullSecret}, by ${from}`)
        : failed('pull-secret', `the pod uses ${uses}, not ${pullSecret}`);
  const checked = secrets.filter(({ name }) => listed.includes(name) || name === pullSecret);
  return [
    link('pull-secret', account.object, () => made),
    ...checked.map((secret) =>
      link('token', secret.object, (object) => {
        if (!object) return failed('token', `there is no Secret ${namespace}/${secret.name}`);
        return link('token', secret.login, (login) => {
          if (login === undefined) return failed('token', `${secret.name} has no login for this registry`);
          const leftMs = (tokenExpiry(object) ?? Infinity) - access.now;
          const left = Number.isFinite(leftMs) && leftMs > 0 ? `, expires in ${hoursAndMinutes(leftMs)}` : '';
          if (isServing(secret, access.now)) return ok('token', `ECR accepts ${secret.name}${left}`);
          return failed('token', leftMs <= 0 ? `${secret.name} has expired` : `ECR refuses ${secret.name}`);
        });
      }),
    ),
  ];
}

function kubeletLink({ isRunning, failure, wait, warning, object }: PodEvidence): ChainLink {
  const { name } = object.metadata;
  if (isRunning) return ok('kubelet', `Pod ${name} runs`);
  const { phase = 'Pending' } = (object['status'] ?? {}) as { readonly phase?: string };
  if (phase === 'Succeeded') return ok('kubelet', `Pod ${name} has ended successfully`);
  const said = failure?.why ?? wait ?? warning ?? phase;
  return failed('kubelet', `Pod ${name}: ${said}`);
}
