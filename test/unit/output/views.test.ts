import { describe, expect, it } from 'vitest';
import { Layout } from '../../../src/output/layout.ts';
import type { ImageRow, View } from '../../../src/output/view.ts';
import { errorLines } from '../../../src/output/text.ts';
import { viewLines } from '../../../src/output/views/index.ts';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { Digest } from '../../../src/clients/registry/digest.ts';

const plain = new Layout();
const lines = (view: View, verbosity: 'quiet' | 'normal' | 'verbose' = 'normal') =>
  viewLines(view, plain, verbosity);
describe('an error', () => {
  const parts = { what: 'could not start', why: 'another run is active', hint: 'Wait.' };
  const error = new BootstrapError(
    { code: 'locked', ...parts },
    { others: [new BootstrapError({ code: 'timeout', ...parts })] },
  );

  it('links to the page of its code once in a release', () => {
    const url = 'https://example.com/errors.md#locked';
    expect(errorLines(error, plain, url)).toEqual([
      'error: could not start [locked]',
      '  why: another run is active',
      '  fix: Wait.',
      'error: could not start [timeout]',
      '  why: another run is active',
      '  fix: Wait.',
      `  see: ${url}`,
    ]);
  });

  it('has no link in a clone, because its package names no repository', () => {
    expect(errorLines(error, plain).join('\n')).not.toContain('see:');
  });
});

describe('a mirror run', () => {
  const result = {
    source: 'docker.io/library/nginx:1',
    wantedBy: [],
    target: 'host/p/nginx:1',
    engine: 'registry',
    platforms: [],
    bytesSent: 0,
    bytesMounted: 0,
    bytesSkipped: 0,
    requests: 0,
    seconds: 0,
  } as const;

  it('prints one ECR reference per line when quiet', async () => {
    const images = [
      { ...result, state: 'copied' as const },
      { ...result, target: 'host/p/other:1', state: 'failed' as const },
    ];
    expect(await lines({ type: 'mirror', data: { dryRun: false, images } }, 'quiet')).toEqual([
      'host/p/nginx:1',
    ]);
  });

  it('shows what was copied, what failed and the counts, and counts images that ECR had', async () => {
    const images = [
      {
        ...result,
        source: 'docker.io/library/nginx:1.28',
        state: 'copied' as const,
        platforms: ['linux/amd64'],
        bytesSent: 142_000_000,
        seconds: 3.1,
      },
      { ...result, state: 'current' as const },
      { ...result, source: 'docker.io/library/redis:7', state: 'failed' as const, error: absent('redis') },
      { ...result, source: 'docker.io/library/valkey:8', state: 'failed' as const, error: absent('valkey') },
    ];
    const view: View = { type: 'mirror', data: { dryRun: false, images } };
    expect(await lines(view)).toEqual([
      '+ docker.io/library/nginx:1.28  142 MB  3.1s  linux/amd64',
      '✗ docker.io/library/redis:7: could not copy redis: not found [image-missing]',
      '✗ docker.io/library/valkey:8: could not copy valkey: not found [image-missing]',
      '    fix: Correct the name.',
      '1 copied (142 MB), 1 current, 2 failed.',
    ]);
    expect(await lines(view, 'verbose')).toContain('✓ docker.io/library/nginx:1');
  });

  const absent = (name: string): BootstrapError =>
    new BootstrapError({
      code: 'image-missing',
      what: `could not copy ${name}`,
      why: 'not found',
      hint: 'Correct the name.',
    });

  it('shows the old and new digest of a moved tag, and platforms that are missing', async () => {
    const moved = {
      ...result,
      state: 'would-move' as const,
      content: 'reduced' as const,
      platforms: ['linux/amd64'],
      missingPlatforms: ['linux/s390x'],
      previousDigest: `sha256:${'a'.repeat(64)}` as Digest,
      targetDigest: `sha256:${'b'.repeat(64)}` as Digest,
    };
    expect(await lines({ type: 'mirror', data: { dryRun: true, images: [moved] } })).toEqual([
      '~ docker.io/library/nginx:1      aaaaaaaaaaaa -> bbbbbbbbbbbb; linux/amd64;',
      '                                 without its other platforms; the source has no',
      '                                 linux/s390x',
      '1 to copy, 0 current. Nothing was changed (dry run).',
    ]);
  });

  it('shows in a dry run how long the copies take at least when that is noticeable', async () => {
    const states = ['would-copy', 'would-move', 'current'] as const;
    const images = states.flatMap((state) => Array.from({ length: 30 }, () => ({ ...result, state })));
    const [dry, real] = await Promise.all(
      [true, false].map((dryRun) => lines({ type: 'mirror', data: { dryRun, images } })),
    );
    const text = '60 images take at least 6 s: ECR accepts 10 manifests a second.';
    expect(dry?.at(-1)).toBe(text);
    expect(real).not.toContain(text);
  });
});

describe('the list of images', () => {
  const registry = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo';
  const row = (source: string, more: Partial<ImageRow> = {}): ImageRow => ({
    source,
    target: `${registry}/${source}`,
    present: true,
    digest: `sha256:${'a'.repeat(64)}`,
    usedBy: ['Deployment shop/web'],
    outside: [],
    mirrored: false,
    ...more,
  });
  const images = [
    row('ghcr.io/external-secrets/external-secrets:v0.12.1', {
      target: `${registry}/external-secrets:v0.12.1`,
      usedBy: ['operator'],
    }),
    row('docker.io/library/nginx:1.27', {
      usedBy: ['Deployment shop/web', 'StatefulSet shop/db', 'config'],
      outside: ['Deployment shop/web', 'StatefulSet shop/db'],
    }),
    row('quay.io/acme/tool:1', { missingPlatforms: ['linux/arm64'] }),
    row('ghcr.io/acme/web-0:2.1', { present: false, usedBy: ['Deployment team-000/web-0'] }),
  ];

  it('shows the registry once, problems first, and what to change', async () => {
    expect(await lines({ type: 'images', data: { registry, images } })).toEqual([
      `ECR  ${registry}`,
      '',
      '  IMAGE                                IN ECR          USED BY',
      '✗ ghcr.io/acme/web-0:2.1               missing         deploy team-000/web-0',
      '✗ quay.io/acme/tool:1                  no linux/arm64  deploy shop/web',
      '→ docker.io/library/nginx:1.27         yes             deploy shop/web +2',
      '✓ ghcr.io/…/external-secrets:v0.12.1   yes             External Secrets Operator',
      '',
      '4 images: 3 in ECR, 1 of them without a wanted platform, 1 missing. → a workload',
      'uses the public name.',
      'To copy what is missing: ecr-bootstrap mirror',
      '2 workloads pull from the internet. Put the registry and a slash before the',
      'image names there, or let nodes pull from ECR with nodes.access: on.',
    ]);
  });

  it('does not advise to let nodes pull from ECR if they do', async () => {
    const pulled = row('registry.k8s.io/pause:3.10', { mirrored: true });
    const text = (await lines({ type: 'images', data: { registry, images: [...images, pulled] } })).join(' ');
    expect(text).toContain('Put the registry and a slash before the image names there.');
    expect(text).not.toContain('nodes.access');
  });

  it('shows the name in ECR and the digest when verbose', async () => {
    const text = (await lines({ type: 'images', data: { registry, images } }, 'verbose')).join('\n');
    expect(text).toContain('      in ECR: external-secrets:v0.12.1');
    expect(text).toContain(`      sha256:${'a'.repeat(64)}`);
  });

  it('shows every name in ECR with --wide', async () => {
    const wide = await viewLines(
      { type: 'images', data: { registry, images } },
      new Layout({ wide: true }),
      'normal',
    );
    expect(wide.at(6)).toMatch(/External Secrets Operator {2}\S+\/demo\/external-secrets:v0\.12\.1 +a{12}$/);
  });

  it('says on one line each what the list lacks when quiet, so that no part of it looks like a reference', async () => {
    const data = {
      registry,
      images: [],
      lacks: ['could not list x: a\nnginx:1'],
      alsoUsed: ['a.example/b:1'],
    };
    expect(await lines({ type: 'images', data }, 'quiet')).toEqual([
      '# incomplete: could not list x: a nginx:1',
      'a.example/b:1',
    ]);
  });

  it('prints one source per line when quiet', async () => {
    expect((await lines({ type: 'images', data: { registry, images } }, 'quiet')).slice(0, 2)).toEqual([
      'ghcr.io/external-secrets/external-secrets:v0.12.1',
      'docker.io/library/nginx:1.27',
    ]);
  });

  it.each([
    ['missing', 'No image is missing in ECR.'],
    ['outside', 'No workload pulls from the internet.'],
  ] as const)('says that there is no image with --%s', async (only, text) => {
    expect(await lines({ type: 'images', data: { registry, images: [], only } })).toEqual([text]);
  });
});

describe('the configuration', () => {
  it('shows each value with its origin, and what is wrong with it', async () => {
    const values = [
      { key: 'images.list', value: ['a', 'b'], origin: 'ecr-bootstrap.yaml' },
      { key: 'aws.region', value: 'nowhere', origin: '--region', problem: '"nowhere" is not a region' },
      { key: 'project', value: null, origin: 'not set', problem: 'is missing' },
    ];
    expect(await lines({ type: 'config', data: { file: null, values } })).toEqual([
      'images.list  (ecr-bootstrap.yaml)  [ "a", "b" ]',
      'aws.region   (--region)            "nowhere" ✗ "nowhere" is not a region',
      'project      (not set)             ✗ is missing',
    ]);
  });
});

describe('the result of a run', () => {
  type Result = Extract<View, { readonly type: 'result' }>['data'];
  const target = { kind: 'Role', name: 'r' };
  const change = { action: 'create', target, fields: [] } as const;
  const result = (data: Partial<Result>, isStopped = false): Promise<string[]> =>
    lines({
      type: 'result',
      isStopped,
      data: {
        steps: [],
        changed: 88,
        unplanned: 0,
        made: { create: 78, update: 10 },
        seconds: 14,
        next: [],
        ...data,
      },
    });

  it('ends with how long it took, and how many targets were created, updated and skipped', async () => {
    expect(await result({})).toEqual(['Done in 14s: 78 created, 10 updated, 0 skipped.']);
  });

  it('counts what was found during the run, and lists the next steps', async () => {
    expect(await result({ unplanned: 2, next: ['Wait.'] })).toEqual([
      'Done in 14s: 78 created, 10 updated, 0 skipped; 2 of them found during the run.',
      '',
      'Next steps:',
      '  - Wait.',
    ]);
  });

  it('is not called done if something failed, was skipped or is unknown', async () => {
    const error = new BootstrapError({ code: 'aws-failed', what: 'a', why: 'b', hint: 'c' });
    const outcomes = [
      { change, result: 'failed', error },
      { change, result: 'skipped' },
      { change, result: 'unknown' },
    ] as const;
    const text = await result({ steps: [{ step: 's', outcomes, failures: [] }], made: { create: 1 } });
    expect(text.at(-1)).toBe('Not complete after 14s: 1 created, 1 failed, 1 skipped, 1 unknown.');
  });

  it('is not called done if Ctrl-C ended the run between two changes', async () => {
    const steps = [{ step: 's', outcomes: [{ change, result: 'skipped' }], failures: [] }] as const;
    expect(await result({ steps, made: { create: 1 } }, true)).toEqual([
      'Not complete after 14s: 1 created, 1 skipped.',
    ]);
  });

  it('is silent if there was nothing to do', async () => {
    expect(await result({ changed: 0, made: {} })).toEqual([]);
  });
});
