import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { packLayer } from '../images/oci.ts';
import { root } from '../paths.ts';
import { capture, run } from '../process.ts';
import { isCrio, versions } from '../versions.ts';
import { copyModule, downloadModule, goBuild, requireModule, stagingReplaces } from './go.ts';
import type { Part } from './part.ts';

const goSources = join(root, 'test/lab/go');
/** The layer file in the parts that images consist of. */
export const layerFile = 'layer.tar.gz';
/** The install YAML in the parts with the operator's manifest. */
export const manifestFile = 'external-secrets.yaml';
const operatorModule = 'github.com/external-secrets/external-secrets';

/** All of Kubernetes in one binary, with a link for each program's name. */
export const kubernetes: Part = {
  name: 'kubernetes',
  version: versions.kubernetes,
  async make({ out, work, log }) {
    const path = 'k8s.io/kubernetes';
    const version = this.version;
    const staging = version.replace(/^1/, '0');
    const replace = await stagingReplaces(await downloadModule(path, version), staging);
    await requireModule(work, { path, version, replace }, log);
    await cp(join(goSources, 'kubernetes/main.go'), join(work, 'main.go'));
    const [major = '', minor = ''] = version.split('.');
    const info = 'k8s.io/component-base/version.git';
    const set = { [`${info}Version`]: `v${version}`, [`${info}Major`]: major, [`${info}Minor`]: minor };
    await goBuild({ cwd: work, packages: ['.'], out: join(out, 'kubernetes'), set, log });
    const programs = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'];
    for (const program of [...programs, 'kubectl']) await symlink('kubernetes', join(out, program));
  },
};

/** Debian 12's etcd 3.4 is too old: this API server fails with it ("Too large resource version"). */
export const etcd: Part = {
  name: 'etcd',
  version: versions.etcd,
  async make({ out, work, log }) {
    const path = 'go.etcd.io/etcd/server/v3';
    await requireModule(work, { path, version: this.version }, log);
    await goBuild({ cwd: work, packages: [path], out: join(out, 'etcd'), log });
  },
};

/** Debian 12's containerd 1.6 lacks the CRI calls that this kubelet makes. */
export const containerd: Part = {
  name: 'containerd',
  version: versions.containerd,
  async make({ out, work, log }) {
    const path = 'github.com/containerd/containerd/v2';
    await requireModule(work, { path, version: this.version }, log);
    const packages = ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => `${path}/cmd/${name}`);
    const tags = ['no_btrfs', 'no_zfs', 'no_devmapper'];
    await goBuild({ cwd: work, packages, out: `${out}/`, tags, log });
  },
};

/**
 * A layer with the operator as released, but only with the providers and the generator that the cluster uses. All of them
 * would take minutes more to build.
 */
const operatorLayer = (version: string): Part => ({
  name: 'external-secrets',
  version,
  async make({ out, work, log }) {
    const source = join(work, 'source');
    await copyModule(operatorModule, version, source);
    const used = { provider: ['aws', 'kubernetes'], generator: ['ecr'] };
    for (const [kind, names] of Object.entries(used)) {
      const imports = names.map((name) => `import _ "${operatorModule}/pkg/${kind}/${name}"\n`);
      const file = join(source, `pkg/${kind}/register/register.go`);
      await writeFile(file, `package register\n\n${imports.join('')}`);
    }
    const files = join(work, 'files');
    await goBuild({ cwd: source, packages: ['.'], out: join(files, 'bin/external-secrets'), log });
    await packLayer(files, join(out, layerFile), log);
  },
});

export const externalSecrets = operatorLayer(versions.externalSecrets);

/** A layer with the program that the lab's pause image and workloads run. */
export const idle: Part = {
  name: 'idle',
  version: '1',
  async make({ out, work, log }) {
    await goBuild({
      cwd: join(goSources, 'idle'),
      packages: ['main.go'],
      out: join(work, 'files/idle'),
      log,
    });
    await packLayer(join(work, 'files'), join(out, layerFile), log);
  },
};

/** A layer with Debian's busybox and a link for each of its commands. */
export const busybox: Part = {
  name: 'busybox',
  version: versions.busybox,
  async make({ out, work, log }) {
    const folder = join(work, 'files/bin');
    await mkdir(folder, { recursive: true });
    await cp('/bin/busybox', join(folder, 'busybox'));
    const commands = (await capture('/bin/busybox', ['--list'])).trim().split('\n');
    for (const name of commands) if (name !== 'busybox') await symlink('busybox', join(folder, name));
    // Docker Hub's busybox has this command, Debian's has not.
    if (!commands.includes('cksum')) {
      await writeFile(join(folder, 'cksum'), '#!/bin/sh\nset -- $(md5sum)\necho "$1 0"\n', { mode: 0o755 });
    }
    await packLayer(join(work, 'files'), join(out, layerFile), log);
  },
};

/**
 * In containers root may lack CAP_SYS_RESOURCE, and a kernel may lack the control group for huge pages; runc would then
 * fail for every container. containerd has settings for that, CRI-O has not.
 */
const runcForContainers = String.raw`#!/bin/sh
previous= bundle=. create=
for argument; do
  case $previous in --bundle | -b) bundle=$argument ;; esac
  [ "$argument" != create ] || create=yes
  previous=$argument
done
[ -z "$create" ] || sed -i \
  -e 's/"oomScoreAdj": *-[0-9]*/"oomScoreAdj": 0/' \
  -e '/"hugepageLimits": \[$/,/\]/ { /[][]/!d; }' \
  "$bundle/config.json"
exec runc "$@"
`;

/** CRI-O with the two programs that it starts for each pod. Its other one, conmon, is Debian's. */
export const crio: Part = {
  name: 'crio',
  version: versions.crio ?? '',
  async make({ out, work, log }) {
    const source = join(work, 'source');
    await copyModule('github.com/cri-o/cri-o', this.version, source);
    const tags = [
      'containers_image_openpgp',
      'exclude_graphdriver_btrfs',
      'exclude_graphdriver_devicemapper',
    ];
    const goal = { cwd: source, packages: ['./cmd/crio'], out: join(out, 'crio') };
    await goBuild({ ...goal, tags, log, cgo: true });
    await run('make', ['-C', join(source, 'pinns')], { log });
    await cp(join(source, 'bin/pinns'), join(out, 'pinns'));
    await writeFile(join(out, 'runc'), runcForContainers, { mode: 0o755 });
  },
};

/** The administrator's tool for CRI-O. */
export const crictl: Part = {
  name: 'crictl',
  version: '1.34.0',
  async make({ out, work, log }) {
    const source = join(work, 'source');
    await copyModule('sigs.k8s.io/cri-tools', this.version, source);
    await goBuild({ cwd: source, packages: ['./cmd/crictl'], out: join(out, 'crictl'), log });
  },
};

/**
 * The install YAML, rendered as in the operator's release: CRDs, then the chart with the release's values. The chart in
 * the tag still has the previous version; the release sets both versions first.
 * @param namespace of the release
 */
const manifestOf = (name: string, version: string, namespace: string): Part => ({
  name,
  version,
  async make({ out, work, log }) {
    const source = await downloadModule(operatorModule, version);
    const chart = join(work, 'chart');
    await cp(join(source, 'deploy/charts/external-secrets'), chart, { recursive: true });
    await run('chmod', ['-R', 'u+w', chart], { log: '/dev/null' });
    const released = (await readFile(join(chart, 'Chart.yaml'), 'utf8'))
      .replace(/^version:.*$/m, `version: "${version}"`)
      .replace(/^appVersion:.*$/m, `appVersion: "v${version}"`)
      // The bitwarden subchart is off by default and would need a download.
      .replace(/^dependencies:\n(?:[ -].*\n)*/m, '');
    await writeFile(join(chart, 'Chart.yaml'), released);
    const values = join(source, 'deploy/manifests/helm-values.yaml');
    const program = join(work, 'program');
    await mkdir(program);
    await requireModule(program, { path: 'helm.sh/helm/v3', version: versions.helm }, log);
    await cp(join(goSources, 'chart/main.go'), join(program, 'main.go'));
    await goBuild({ cwd: program, packages: ['.'], out: join(program, 'render'), log });
    const rendered = await capture(join(program, 'render'), [chart, values, namespace]);
    const crds = await readFile(join(source, 'deploy/crds/bundle.yaml'), 'utf8');
    await writeFile(join(out, manifestFile), `${crds}\n${rendered}`);
  },
});

export const operatorManifest = manifestOf('operator-manifest', versions.externalSecrets, 'default');

/** An operator that others have installed, with its manifest for namespace `external-secrets`. */
export const otherOperator =
  versions.otherOperator === undefined
    ? undefined
    : {
        layer: operatorLayer(versions.otherOperator),
        manifest: manifestOf('other-operator-manifest', versions.otherOperator, 'external-secrets'),
      };

/** The one that takes longest first. */
export const parts: readonly Part[] = [
  kubernetes,
  idle,
  busybox,
  etcd,
  containerd,
  operatorManifest,
  externalSecrets,
  ...(otherOperator === undefined ? [] : [otherOperator.manifest, otherOperator.layer]),
  ...(isCrio ? [crio, crictl] : []),
];
