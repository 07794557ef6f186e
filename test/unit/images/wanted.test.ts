import { describe, expect, it } from 'vitest';
import { wantedImages, type ImageSources } from '../../../src/images/wanted.ts';
import type { Workload } from '../../../src/cluster/workloads.ts';

const registryHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
/** The tag of the probe has twelve digits of the SHA-256 of its source. */
const probeTag = '1.37-b606ab8238fb';
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

const workload = (...images: string[]): Workload => ({
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  images,
  serviceAccount: 'default',
  pullSecrets: [],
  isStatic: false,
  nodes: [],
  nodeSelector: {},
});
const gather = (more: Partial<ImageSources>) =>
  wantedImages({
    naming: { project: 'myproject', map: {} },
    registryHost,
    list: [],
    exclude: [],
    agent: 'busybox:1.37',
    ...more,
  });
const sources = (more: Partial<ImageSources>) => gather(more).others.map(({ source }) => source);

describe('the wanted images', () => {
  it('include the operator even when no image is requested', () => {
    expect(gather({})).toEqual({
      operator: {
        source: 'ghcr.io/external-secrets/external-secrets:v0.12.1',
        repository: 'myproject/external-secrets',
        tag: 'v0.12.1',
        wantedBy: ['operator'],
      },
      others: [],
      rejected: [],
      refused: [],
    });
  });

  it('are sorted and without duplicates, each with everything that references it', () => {
    const wanted = gather({
      list: ['redis:7', 'nginx'],
      references: [{ text: 'docker.io/nginx:latest', wantedBy: 'file images.txt' }],
      workloads: [workload('nginx', 'nginx'), { ...workload('nginx'), name: 'api' }],
    });
    expect(wanted.others.map(({ source, wantedBy }) => [source, wantedBy])).toEqual([
      [
        'docker.io/library/nginx:latest',
        ['config', 'file images.txt', 'Deployment shop/web', 'Deployment shop/api'],
      ],
      ['docker.io/library/redis:7', ['config']],
    ]);
  });

  it.each([
    ['docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
    ['registry.example_5000/team/app:2', 'registry.example:5000/team/app:2'],
    ['web/proxy:3', 'docker.io/library/haproxy:3'],
    [`quay.io/a/b@${digest('a')}`, `quay.io/a/b@${digest('a')}`],
  ])('include the source of an image that a workload pulls from ECR: %s', (inEcr, source) => {
    const naming = { project: 'myproject', map: { 'docker.io/library/haproxy': 'web/proxy' } };
    expect(sources({ naming, workloads: [workload(`${registryHost}/myproject/${inEcr}`)] })).toEqual([
      source,
    ]);
  });

  it.each([
    '123456789012.dkr-ecr.eu-west-1.on.aws',
    '123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com',
    '123456789012.dkr-ecr-fips.eu-west-1.on.aws',
    '123456789012.DKR.ECR.eu-west-1.amazonaws.com',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com:443',
  ])('include the source of an image that a workload pulls from another host of the registry: %s', (host) => {
    const image = `${host}/myproject/docker.io/library/nginx:1`;
    expect(sources({ workloads: [workload(image)] })).toEqual(['docker.io/library/nginx:1']);
  });

  it.each([
    '999999999999.dkr-ecr.eu-west-1.on.aws',
    '123456789012.dkr-ecr.eu-west-2.on.aws',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com:8443',
    '123456789012.dkr-ecr.eu-west-1.on.aws.example.com',
  ])('include an image that a workload pulls from another registry: %s', (host) => {
    const image = `${host}/myproject/docker.io/library/nginx:1`;
    expect(sources({ workloads: [workload(image)] })).toEqual([image]);
  });

  it.each(['myproject/web:1', 'other/docker.io/library/nginx:1', 'myproject/not_a_host:1'])(
    'do not include an image that users pushed to ECR themselves: %s',
    (inEcr) => expect(sources({ workloads: [workload(`${registryHost}/${inEcr}`)] })).toEqual([]),
  );

  it("recognize the operator's image by its retired name", () => {
    const wanted = gather({
      workloads: [workload('oci.external-secrets.io/external-secrets/external-secrets:v0.12.1')],
    });
    expect(wanted.others).toEqual([]);
    expect(wanted.operator.wantedBy).toEqual(['operator', 'Deployment shop/web']);
  });

  it.each(['nginx*', 'docker.io/library/nginx', 'docker.io/*', '*nginx:1'])(
    'leave out images that match %s',
    (glob) => {
      expect(
        sources({ list: ['nginx:1'], workloads: [workload('nginx:1', 'quay.io/a/b:1')], exclude: [glob] }),
      ).toEqual(['quay.io/a/b:1']);
    },
  );

  it('keep excluded images that the user gave for this run', () => {
    const references = [{ text: 'nginx:1', wantedBy: 'command line' }];
    expect(sources({ references, exclude: ['*'] })).toEqual(['docker.io/library/nginx:1']);
  });

  it('reject invalid references in the cluster without failing', () => {
    const { others, rejected } = gather({ workloads: [workload('Bad', 'ghcr.io/a__b/c:1', 'nginx')] });
    expect(others).toHaveLength(1);
    expect(rejected.map(({ reference, error }) => [reference, error.code])).toEqual([
      ['Bad', 'reference-invalid'],
      ['ghcr.io/a__b/c:1', 'repository-name-invalid'],
    ]);
  });

  it('fail for an invalid reference in images.list', () => {
    expect(() => gather({ list: ['Bad'] })).toThrow(expect.objectContaining({ code: 'reference-invalid' }));
  });

  it('store a pinned image by its digest when another image has its tag', () => {
    const { others } = gather({ list: ['nginx:1', `nginx:1@${digest('a')}`, `nginx:1@${digest('b')}`] });
    expect(others.map(({ tag }) => tag).sort()).toEqual(['1', digest('a'), digest('b')]);
  });

  it('fail when two sources would get the same name', () => {
    const naming = { project: 'myproject', map: { nginx: 'web', redis: 'web' } };
    expect(() => gather({ naming, list: ['nginx:1', 'redis:1'] })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    );
  });
});

describe('the images that nodes need', () => {
  const pause = [{ kind: 'Node', namespace: '', name: 'node-1', images: ['registry.k8s.io/pause:3.10.1'] }];
  const others = (more: Partial<ImageSources> = {}) => gather({ pause, ...more }).others;

  const probe = `ecr-bootstrap.invalid/probe:${probeTag}`;

  it('are a copy of the image of the agent that only ECR has, and pause', () => {
    expect(others()).toEqual([
      {
        source: probe,
        copyOf: 'docker.io/library/busybox:1.37',
        repository: 'myproject/ecr-bootstrap.invalid/probe',
        tag: probeTag,
        wantedBy: ['nodes'],
      },
      {
        source: 'registry.k8s.io/pause:3.10.1',
        repository: 'myproject/registry.k8s.io/pause',
        tag: '3.10.1',
        wantedBy: ['Node node-1'],
      },
    ]);
  });

  const copyFor = (agent: string) => others({ agent }).find(({ copyOf }) => copyOf !== undefined);

  it('copy the probe from the source of an agent that is named as in ECR', () => {
    const agent = `${registryHost}/myproject/docker.io/library/busybox:1.37`;
    expect(copyFor(agent)?.copyOf).toBe('docker.io/library/busybox:1.37');
  });

  it('have a tag for each image of the agent, because an immutable tag cannot move to another one', () => {
    const long = `quay.io/team/tools:${'1'.repeat(128)}`;
    const agents = ['busybox:1.37', 'busybox:1.38', 'quay.io/team/busybox:1.37', long];
    const tags = agents.map((agent) => copyFor(agent)?.tag ?? '');
    expect(new Set(tags).size).toBe(4);
    expect(tags[2]).toMatch(/^1\.37-[0-9a-f]{12}$/);
    expect(tags[3]).toHaveLength(128);
  });

  it('keep the digest of a pinned agent', () => {
    const pinned = `docker.io/library/busybox@${digest('a')}`;
    expect(copyFor(pinned)).toMatchObject({
      source: `ecr-bootstrap.invalid/probe@${digest('a')}`,
      copyOf: pinned,
      tag: digest('a'),
    });
  });

  it('are never renamed by images.map', () => {
    const naming = { project: 'myproject', map: { 'ecr-bootstrap.invalid/probe': 'tools/probe' } };
    expect(others({ naming })[0]).toMatchObject({ repository: 'myproject/ecr-bootstrap.invalid/probe' });
  });

  it('share their repository with no image of images.map', () => {
    const naming = { project: 'myproject', map: { nginx: 'myproject/ecr-bootstrap.invalid/probe' } };
    expect(() => gather({ naming, list: ['nginx:1'] })).toThrow(/is reserved for the agent on nodes/);
  });

  it('are found by their names, without the cluster', () => {
    const references = [{ text: probe, wantedBy: 'file images.txt' }];
    expect(sources({ references })).toEqual([probe]);
    expect(gather({ references }).others[0]?.copyOf).toBe('docker.io/library/busybox:1.37');
  });

  it.each(['ecr-bootstrap.invalid/other:1', 'ecr-bootstrap.invalid/probe:1.36'])(
    'leave nothing else to the host of the probe: %s',
    (image) => {
      const { rejected, others: rest } = gather({ pause, workloads: [workload(image)] });
      expect(rejected.map(({ reference }) => reference)).toEqual([image]);
      expect(rest).toEqual(others());
    },
  );

  it('cannot be copied from an image of ECR without a source', () => {
    const agent = `${registryHost}/myproject/own-agent:1`;
    expect(() => others({ agent })).toThrow(/has no source/);
  });

  it('are not excluded, except pause', () => {
    expect(others({ exclude: ['**'] }).map(({ source }) => source)).toEqual([probe]);
  });
});
