import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { WorldOptions } from '../../../sandbox/world.ts';
import { changeRequests } from '../../support/change-requests.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { statusOf } from '../../support/findings.ts';

const certs = '/etc/containerd/certs.d';
const nginxOfDockerHub = `${certs}/docker.io/hosts.toml`;
const linux = { name: 'node-1', architecture: 'amd64' };

let cli: Cli;
afterEach(() => cli.close());

async function open(options: WorldOptions = {}, config = '{}'): Promise<void> {
  cli = await openCli(options, { fast: true, config });
}

async function succeed(args: string): Promise<void> {
  const { code, stdout, stderr } = await cli.run(args);
  expect(code, `${args}\n${stdout}${stderr}`).toBe(0);
}

/** The findings of the step node-access in `status`, without those of level ok. */
async function problems(): Promise<Awaited<ReturnType<typeof statusOf>>> {
  const { code, findings } = await statusOf(cli, 'node-access');
  return { code, findings: findings.filter(({ level }) => level !== 'ok') };
}

/** Scales the operator to zero, as an administrator may do. */
function stopOperator(): void {
  const { cluster } = cli.world;
  const deployment = cluster.get('Deployment', 'external-secrets', 'external-secrets');
  if (!deployment) throw new Error('the operator is not installed');
  cluster.put({
    ...deployment,
    spec: { ...(deployment as { spec?: object }).spec, replicas: 0 },
  });
}

/** The repository of the image that the agent and the probe run. */
function probe() {
  const repository = cli.world.aws.registry.repositories.get('shop/ecr-bootstrap.invalid/probe');
  if (!repository) throw new Error('the ECR has no image for nodes');
  return repository;
}

const machine = (name = 'node-1') => cli.world.cluster.machine(name);
const tomlOf = (path = nginxOfDockerHub) => machine().files[path];

describe('up', () => {
  it('writes a file per registry in use to every node, and nothing the second time', async () => {
    await open({ cluster: { nodes: [linux, { ...linux, name: 'node-2' }] } });
    await succeed('up --yes');
    for (const name of ['node-1', 'node-2']) {
      expect(Object.keys(machine(name).files)).toEqual(
        expect.arrayContaining([nginxOfDockerHub, `${certs}/registry.k8s.io/hosts.toml`]),
      );
    }
    expect(tomlOf()).toMatch(
      /^# managed by ecr-bootstrap shop\nserver = "https:\/\/[^/]+\/v2\/shop\/docker.io"\n/,
    );
    const asked = changeRequests(cli.world).length;
    await succeed('up --yes');
    expect(changeRequests(cli.world).slice(asked)).toEqual([]);
    expect(await problems()).toEqual({ code: 0, findings: [] });
  });

  it('states in the plan what it writes to nodes, and that other pulls will fail', async () => {
    await open();
    const { stdout } = await cli.run('up --dry-run -v');
    expect(stdout).toContain('{docker.io,registry.k8s.io}/hosts.toml on 1 node');
    expect(stdout).toContain('not in ECR will fail');
  });

  it('does nothing on nodes of a cluster that kubeadm did not create', async () => {
    await open();
    cli.world.cluster.delete('ConfigMap', 'kubeadm-config', 'kube-system');
    await succeed('up --yes');
    expect(machine().files).toEqual({});
    expect(cli.world.cluster.get('Namespace', 'ecr-bootstrap')).toBeUndefined();
  });

  it('runs the agent and the probe by digest, and without rights', async () => {
    await open();
    await succeed('up --yes');
    const agent = cli.world.cluster.get('DaemonSet', 'node-access', 'ecr-bootstrap') as unknown as {
      spec: { template: { spec: PodSpec } };
    };
    const { spec } = agent.spec.template;
    const containers = [...spec.initContainers, ...spec.containers];
    const images = containers.map(({ image }) => image.replace(/[0-9a-f]{64}$/, 'DIGEST'));
    const own = `${cli.world.registryHost}/shop/ecr-bootstrap.invalid/probe@sha256:DIGEST`;
    expect(images).toEqual([own, own, 'ecr-bootstrap.invalid/probe@sha256:DIGEST']);
    for (const { securityContext } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
    expect(spec).toMatchObject({
      hostNetwork: true,
      automountServiceAccountToken: false,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
    });
    const { labels } = cli.world.cluster.get('Namespace', 'ecr-bootstrap')?.metadata ?? {};
    expect(labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'privileged' });
  });

  interface PodSpec {
    readonly initContainers: readonly Container[];
    readonly containers: readonly Container[];
  }
  interface Container {
    readonly image: string;
    readonly securityContext: object;
  }

  it('leaves a registry out of which an image cannot be copied, and lists the image', async () => {
    await open();
    cli.world.cluster.put({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'lost', namespace: 'shop' },
      spec: {
        selector: { matchLabels: { app: 'lost' } },
        template: {
          metadata: { labels: { app: 'lost' } },
          spec: { containers: [{ name: 'main', image: 'registry.k8s.io/never/was:1' }] },
        },
      },
    });
    const { stdout } = await cli.run('up --yes');
    expect(stdout).toContain('nodes still pull registry.k8s.io from the internet');
    expect(stdout).toContain('registry.k8s.io/never/was:1');
    expect(Object.keys(machine().files)).not.toContain(`${certs}/registry.k8s.io/hosts.toml`);
    expect(tomlOf()).toBeDefined();
  });

  it('keeps the namespace of the agent supplied with the pull secret, whatever is excluded', async () => {
    await open({}, '{ "namespaces": { "exclude": ["ecr-*", "monitoring"] } }');
    await succeed('up --yes');
    await succeed('up --dry-run --exit-code');
    expect(await problems()).toEqual({ code: 0, findings: [] });
  });
});

describe('the image of the agent', () => {
  const agentImage = () => {
    const agent = cli.world.cluster.get('DaemonSet', 'node-access', 'ecr-bootstrap') as unknown as {
      spec: { template: { spec: { containers: { image: string }[] } } };
    };
    return agent.spec.template.spec.containers[0]?.image;
  };
  const seed = (tag: string) =>
    cli.world.sources.get('docker.io')?.seed('library/busybox', tag, { base: [`newer ${tag}`] }).digest;

  it('stays the one that was copied first when its tag moves, until nodes.image names another', async () => {
    await open();
    await succeed('up --yes');
    const [first, tag] = [agentImage(), [...probe().tags.keys()][0]];
    expect(probe().tagMutability).toBe('IMMUTABLE');
    seed('1.37');
    const { code, stdout } = await cli.run('mirror');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/ 1 kept\./)]);
    await succeed('up --dry-run --exit-code');
    expect(agentImage()).toBe(first);

    const newer = seed('1.38');
    writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), '{ "nodes": { "image": "busybox:1.38" } }');
    await succeed('up --yes');
    expect(agentImage()).toBe(`${cli.world.registryHost}/shop/ecr-bootstrap.invalid/probe@${newer}`);
    expect([...probe().tags.keys()]).toEqual([tag, expect.stringMatching(/^1\.38-/)]);
    expect(await problems()).toEqual({ code: 0, findings: [] });

    await succeed('down --yes --aws --delete-images --delete-secrets');
    expect(cli.world.aws.registry.repositories.size).toBe(0);
  });

  it('moves to the repository with immutable tags when an earlier version used another one', async () => {
    await open();
    const { registry } = cli.world.aws;
    const { awsTags } = registry.addRepository('shop/ecr-bootstrap.invalid/probe');
    awsTags.set('ecr-bootstrap:project', 'shop').set('ecr-bootstrap:region', cli.world.region);
    await succeed('up --yes');
    expect(probe().tagMutability).toBe('IMMUTABLE');
    expect(await problems()).toEqual({ code: 0, findings: [] });
  });
});

describe('a node that does not use the files', () => {
  it('fails up and status, which show what to change', async () => {
    await open({ cluster: { nodes: [{ ...linux, containerRuntimeVersion: 'containerd://1.7.27' }] } });
    const { code, stdout, document } = await cli.json('up --yes');
    expect(code, stdout).toBe(1);
    expect(document.error?.what).toContain('Node node-1');
    const { code: health, findings } = await problems();
    expect(health).toBe(3);
    expect(findings).toMatchObject([{ code: 'node-mirror-inactive', level: 'failed' }]);
    expect(findings[0]?.hint).toContain('systemctl restart containerd');
    const { stdout: text } = await cli.run('status --only node-access');
    expect(text).toMatch(
      /\n +\[plugins\."io\.containerd\.grpc\.v1\.cri"\.registry\]\n +config_path = "\/etc\/containerd\/certs\.d"\n/,
    );
  });

  it('is healthy once its containerd reads them', async () => {
    await open({ cluster: { nodes: [{ ...linux, readsMirrors: false }] } });
    expect((await cli.run('up --yes')).code).toBe(1);
    machine().setReadsMirrors(true);
    await cli.world.cluster.settled();
    await succeed('up --yes');
    expect(await problems()).toEqual({ code: 0, findings: [] });
  });

  it.each([
    ['is not ready', { ready: false }],
    ['runs Windows', { os: 'windows' }],
  ] as const)('is only a warning if it %s, and is not waited for', async (_, options) => {
    await open({ cluster: { nodes: [linux, { ...linux, name: 'node-2', ...options }] } });
    await succeed('up --yes');
    const { code, findings } = await problems();
    expect(code).toBe(0);
    expect(findings).toMatchObject([{ code: 'node-skipped', level: 'warning' }]);
    expect(findings[0]?.what).toContain('node-2');
  });
});

it('writes the files to nodes that are cordoned or have another architecture', async () => {
  const nodes = [
    linux,
    { ...linux, name: 'cordoned', unschedulable: true },
    { name: 'arm', architecture: 'arm64' },
  ];
  await open({ cluster: { nodes } });
  await succeed('up --yes');
  const { findings } = await statusOf(cli, 'node-access');
  expect(findings.map(({ code, what }) => [code, what])).toEqual(
    ['arm', 'cordoned', 'node-1'].map((name) => ['ok', `node ${name} pulls from ECR`]),
  );
  for (const { name } of nodes) expect(machine(name).files).toHaveProperty([nginxOfDockerHub]);
});

describe('a node on which the agent cannot work', () => {
  it('is reported with the error of the agent, if its file system is read-only', async () => {
    await open();
    machine().readOnly = true;
    expect((await cli.run('up --yes')).code).toBe(1);
    const { code, findings } = await problems();
    expect(code).toBe(3);
    expect(findings).toMatchObject([{ code: 'node-agent-unready' }]);
    expect(findings[0]?.why).toContain('could not write');
  });

  it('is reported with what rejects the pods of the agent', async () => {
    await open();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ecr-bootstrap' } };
    cli.world.cluster.put(namespace);
    cli.world.cluster.put({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none', namespace: 'ecr-bootstrap' },
      spec: { hard: { pods: '0' } },
    });
    expect((await cli.run(['up', '--yes', '--adopt', 'Namespace ecr-bootstrap'])).code).toBe(1);
    const { findings } = await problems();
    expect(findings).toMatchObject([{ code: 'node-agent-unready' }]);
    expect(findings[0]?.why).toContain('exceeded quota: none');
  });
});

describe('a user of the cluster who may not', () => {
  it.each([
    ['list nodes', 'nodes'],
    ['get daemonsets', 'daemonsets'],
    ['patch daemonsets', 'daemonsets'],
  ])('%s gets an error that names the permission, with the fix', async (operation, resource) => {
    await open();
    cli.world.faults.plan({ kind: 'deny', operation });
    const { code, stdout, stderr } = await cli.run('up --yes');
    expect([1, 2]).toContain(code);
    expect(`${stdout}${stderr}`).toMatch(new RegExp(`cannot .* resource "${resource}"`));
    expect(`${stdout}${stderr}`).toContain('ecr-bootstrap policy cluster');
  });
});

describe('files of other programs', () => {
  const own = 'server = "https://mirror.example"\n';

  it('stay, and the agent reports which one prevents it', async () => {
    await open();
    machine().writeFile(nginxOfDockerHub, own);
    expect((await cli.run('up --yes')).code).toBe(1);
    expect(tomlOf()).toBe(own);
    const { code, findings } = await problems();
    expect(code).toBe(3);
    expect(findings).toMatchObject([{ code: 'node-agent-unready' }]);
    expect(findings[0]?.why).toContain(nginxOfDockerHub);
  });

  it('stay when everything is removed, and nothing else does', async () => {
    await open();
    machine().writeFile(`${certs}/quay.io/hosts.toml`, own);
    await succeed('up --yes');
    await succeed('down --yes');
    expect(machine().files).toEqual({ [`${certs}/quay.io/hosts.toml`]: own });
    expect(cli.world.cluster.get('Namespace', 'ecr-bootstrap')).toBeUndefined();
  });
});

/** The kubelet of the node stops to report. */
function loseNode(name: string): void {
  const node = cli.world.cluster.get('Node', name);
  const status = {
    ...(node as { status?: object }).status,
    conditions: [{ type: 'Ready', status: 'Unknown' }],
  };
  const labels = { 'kubernetes.io/os': 'linux' };
  cli.world.cluster.put({ apiVersion: 'v1', ...node, kind: 'Node', metadata: { name, labels }, status });
}

describe('removal', () => {
  it('by nodes.access: off leaves no file on nodes', async () => {
    await open();
    await succeed('up --yes');
    writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), '{ "nodes": { "access": "off" } }');
    await succeed('up --yes');
    expect(machine().files).toEqual({});
    expect(cli.world.cluster.get('Namespace', 'ecr-bootstrap')).toBeUndefined();
    await succeed('up --dry-run --exit-code');
  });

  it('lists the nodes that cannot remove their files, with the command for it', async () => {
    await open({ cluster: { nodes: [linux, { ...linux, name: 'node-2' }] } });
    await succeed('up --yes');
    loseNode('node-2');
    const { code, stdout, stderr } = await cli.run('down --yes');
    expect(code, stderr).toBe(0);
    expect(`${stdout}${stderr}`).toContain('ecr-bootstrap render node --remove | ssh node-2 sudo sh');
    expect(machine('node-1').files).toEqual({});
    expect(machine('node-2').files).not.toEqual({});
  });

  it('ends the pods of lost nodes only, in the next run if the first was interrupted before that', async () => {
    await open({ cluster: { nodes: [linux, { ...linux, name: 'node-2' }] } });
    await succeed('up --yes');
    const pods = cli.world.cluster.list('Pod', 'ecr-bootstrap');
    const [lost] = pods.filter(
      (pod) => (pod as { spec?: { nodeName?: string } }).spec?.nodeName === 'node-2',
    );
    loseNode('node-2');
    const { faults } = cli.world;
    const before = faults.changes.length;
    const undo: (() => void)[] = [];
    undo.push(
      faults.onCall(({ operation }) => {
        if (operation === 'delete daemonsets') undo.push(faults.plan({ kind: 'reset', from: 2 }));
      }),
    );
    expect((await cli.run('down --yes')).code).not.toBe(0);
    for (const end of undo) end();
    expect(cli.world.cluster.get('DaemonSet', 'node-access', 'ecr-bootstrap')).toBeUndefined();
    await succeed('down --yes');
    const ended = faults.changes.slice(before).filter(({ operation }) => operation === 'delete pods');
    expect(ended.map(({ resource }) => resource)).toEqual([`ecr-bootstrap/${lost?.metadata.name}`]);
    expect(cli.world.cluster.get('Namespace', 'ecr-bootstrap')).toBeUndefined();
  });
});

describe('a later image that ECR does not have', () => {
  it('is explained by why, which status names, with the command that copies it', async () => {
    await open();
    await succeed('up --yes');
    cli.world.cluster.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'new', namespace: 'shop' },
      spec: { containers: [{ name: 'main', image: 'nginx:1.28' }] },
    });
    await cli.world.cluster.settled();
    const { stdout } = await cli.run('status --only service-accounts');
    expect(stdout).toMatch(/the image is not in ECR/i);
    expect(stdout).toContain('ecr-bootstrap why pod/new -n shop');
    expect((await cli.run('why pod/new -n shop')).stdout).toMatch(
      /^fix: ecr-bootstrap mirror .*nginx:1\.28$/m,
    );
    await succeed('mirror nginx:1.28');
    // The kubelet tries again within five minutes.
    cli.world.clock.advance(6 * 60_000);
    await cli.world.cluster.settled();
    expect((await cli.run('status --only service-accounts')).stdout).not.toContain('nginx:1.28');
  });
});

describe('tokens', () => {
  it('are renewed on nodes', async () => {
    await open();
    await succeed('up --yes');
    const first = tomlOf();
    cli.world.clock.advance(2 * 3_600_000);
    await cli.world.cluster.settled();
    // The kubelet refreshes the volume with the Secret within two minutes.
    cli.world.clock.advance(2 * 60_000);
    await cli.world.cluster.settled();
    expect(tomlOf()).toBeDefined();
    expect(tomlOf()).not.toBe(first);
  });

  it('that are not renewed are reported hours before pulls fail', async () => {
    await open();
    await succeed('up --yes');
    stopOperator();
    cli.world.clock.advance(10 * 3_600_000);
    await cli.world.cluster.settled();
    const { findings } = await problems();
    expect(findings.map(({ code }) => code)).toContain('node-agent-unready');
    expect(findings.map(({ why }) => why).join()).toMatch(/expires in/);
    cli.world.clock.advance(3 * 3_600_000);
    await cli.world.cluster.settled();
    const { code, findings: later } = await problems();
    expect(code).toBe(3);
    expect(later.map(({ why }) => why).join()).toMatch(/expired at .* and was not renewed, so pulls fail/);
  });
});

describe('a token on nodes that ECR refuses before it expires', () => {
  const ends = {
    'its access key was disabled': () => {
      for (const key of cli.world.aws.identities.keys.values()) {
        if (key.user.name === 'image-puller') key.active = false;
      }
    },
    'its user lost the permission to pull': () => {
      const { identities } = cli.world.aws;
      identities.users.get('image-puller')?.attached.clear();
      identities.settle();
      cli.world.clock.advance(60_000);
    },
  };

  it.each(Object.entries(ends))('is reported at once if %s, and repaired by up', async (_, end) => {
    await open();
    await succeed('up --yes');
    end();
    const { code, findings } = await problems();
    expect(code).toBe(3);
    expect(findings).toMatchObject([{ code: 'node-token-refused', level: 'failed' }]);
    expect(findings[0]?.why).toContain('no node can pull new images of docker.io, registry.k8s.io');
    await succeed('up --yes');
    expect(await problems()).toEqual({ code: 0, findings: [] });
  });
});

describe('rotate', () => {
  const keys = () =>
    [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');
  const login = () => /(?<=Authorization = ")[^"]*/.exec(tomlOf() ?? '')?.[0] ?? '';
  const keyOfFile = () => {
    const [, token = ''] = Buffer.from(login().replace('Basic ', ''), 'base64').toString().split(':');
    return cli.world.aws.registry.tokens.userOf(token)?.accessKeyId;
  };
  const pull = () => {
    const image = `${cli.world.registryHost}/shop/ecr-bootstrap.invalid/probe:${probe().tags.keys().next().value}`;
    return cli.world.images.pullWithHeader(image, 'linux/amd64', login());
  };

  it('disables the old key when nodes have a token of the new key, without a node that is not ready', async () => {
    await open({ cluster: { nodes: [linux, { ...linux, name: 'node-2', ready: false }] } });
    await succeed('up --yes');
    const [old] = keys();
    expect(keyOfFile()).toBe(old?.id);
    const done = new AbortController();
    const results = new Set<unknown>();
    const pulling = (async () => {
      while (!done.signal.aborted) {
        results.add(await pull());
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    const { code, stdout, stderr } = await cli.run('rotate --yes');
    done.abort();
    expect(code, `${stdout}${stderr}`).toBe(0);
    expect(await pull()).toBe('pulled');
    await pulling;
    expect([...results]).toEqual(['pulled']);
    const [first, second] = keys();
    expect([first?.active, second?.active]).toEqual([false, true]);
    expect(keyOfFile()).toBe(second?.id);
    await succeed('up --dry-run --exit-code');
  });

  it('gives nodes a working token also when all keys were revoked first', async () => {
    await open();
    await succeed('up --yes');
    await succeed('rotate --force --yes');
    expect(await pull()).toBe('pulled');
    expect(keyOfFile()).toBe(keys().find(({ active }) => active)?.id);
  });
});

describe('files that the operator cannot write', () => {
  it('fail up and status, which show the reason', async () => {
    await open();
    await succeed('up --yes');
    const { cluster, clock } = cli.world;
    const namespace = 'ecr-bootstrap';
    cluster.put({
      kind: 'ExternalSecret',
      apiVersion: 'external-secrets.io/v1beta1',
      metadata: { name: 'rival', namespace },
      spec: { secretStoreRef: { name: 'nowhere' }, data: [] },
    });
    const rival = cluster.get('ExternalSecret', 'rival', namespace);
    const files = cluster.get('Secret', 'node-access', namespace);
    if (!files || !rival) throw new Error('an object is missing');
    const owner = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret', name: 'rival' };
    const ownerReferences = [{ ...owner, uid: rival.metadata.uid ?? '', controller: true }];
    cluster.put({
      ...files,
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...files.metadata, ownerReferences },
    });
    clock.advance(11 * 60_000);
    await cluster.settled();
    const { code, findings } = await problems();
    expect(code).toBe(3);
    expect(findings).toMatchObject([
      { code: 'sync-failed', what: 'ExternalSecret ecr-bootstrap/node-access is not synced' },
    ]);
    expect(findings[0]?.why).toContain('owned by another ExternalSecret');
    const { code: incomplete, stdout, stderr } = await cli.run('up --yes');
    expect(incomplete).toBe(1);
    expect(`${stdout}${stderr}`).toContain('owned by another ExternalSecret');
  });
});
