import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { nodeAccessObjects } from '../../src/nodes/objects.ts';
import { runtimeAdvice } from '../../src/nodes/runtime-advice.ts';
import { readScripts } from '../../src/nodes/script.ts';
import { runScript, type ScriptResult, startScript, temporaryFolder, treeOf } from './node-scripts.ts';

const token = 'eyJwYXlsb2FkIjoic2VjcmV0In0=';
const mirrors = {
  host: '1.dkr.ecr.eu-west-1.amazonaws.com',
  project: 'shop',
  hosts: ['docker.io', 'quay.io', 'ecr-bootstrap.invalid'],
};
const reading = 'reading the registry token from standard input\n';
const encodedLogin = Buffer.from(`AWS:${token}`).toString('base64');
/** The files that the operator renders for the agent, from the objects of the step `node-access`. */
const files = await agentFiles();
const fileOf = (host: string): string => files[host] ?? '';

async function agentFiles(): Promise<Readonly<Record<string, string>>> {
  const objects = await nodeAccessObjects({
    operatorApi: 'external-secrets.io/v1',
    config: configSchema.parse({ project: mirrors.project, aws: { region: 'eu-west-1' } }),
    registryHost: mirrors.host,
    hosts: mirrors.hosts.filter((host) => host !== 'ecr-bootstrap.invalid'),
    agentImage: 'agent',
    probeImage: 'probe',
    hasCrio: false,
  });
  const { spec } = objects.find(({ kind }) => kind === 'ExternalSecret') as unknown as {
    spec: { target: { template: { data: Readonly<Record<string, string>> } } };
  };
  const render = (text: string): string => text.replace(/\{\{ \(index .*auth \}\}/, encodedLogin);
  return Object.fromEntries(
    Object.entries(spec.target.template.data).map(([host, text]) => [host, render(text)]),
  );
}

/** What `ecr-bootstrap render node` puts before the scripts. */
const values = [
  "PROJECT='shop'",
  `ECR='${mirrors.host}'`,
  "REGION='eu-west-1'",
  `HOSTS='${mirrors.hosts.join(' ')}'`,
  '',
].join('\n');

/** The programs of a node, as functions because these have precedence over programs in every shell. */
const programs = `
has_command() { case " $INSTALLED " in *" $1 "*) ;; *) return 1 ;; esac; }
id() { printf '%s\\n' "\${USER_ID:-0}"; }
aws() {
  [ "$*" = 'ecr get-login-password --region eu-west-1' ] || return 2
  [ -n "$AWS_TOKEN" ] || { echo 'Unable to locate credentials' >&2; return 255; }
  printf '%s\\n' "$AWS_TOKEN"
}
containerd() {
  case $1 in
    --version) printf '%s\\n' "$VERSION_LINE" ;;
    *) [ -n "$CONFIG" ] && printf '%s\\n' "$CONFIG" ;;
  esac
}
crio() {
  case $* in
    config) printf '%s\\n' "$CRIO_CONFIG" ;;
    'status config') [ -n "$CRIO_RUNNING" ] && printf '%s\\n' "$CRIO_RUNNING" ;;
  esac
}
`;
const last = 'main "$@"; exit\n';
const script = readScripts('node-files', 'node-join');
if (!script.endsWith(last)) throw new Error('the last line of node-join.sh changed');
const joinScript = values + script.replace(last, programs + last);

const versionLine = (version: string): string =>
  version.startsWith('1.')
    ? `containerd containerd.io ${version} 05044ec0a9a75232cad458027ca83437aae3f4da`
    : `containerd github.com/containerd/containerd/v2 v${version} 75cb2b7193e4e490e9fbdc236c0e811ccaba3376`;

/** The part of `containerd config dump` that matters, as the versions print it. */
const dump = (version: string, configPath: string, extra = ''): string =>
  version.startsWith('1.')
    ? [
        'version = 2',
        extra,
        '    [plugins."io.containerd.grpc.v1.cri".registry]',
        `      config_path = "${configPath}"`,
        '',
        '      [plugins."io.containerd.grpc.v1.cri".registry.mirrors]',
        '',
        '    config_path = "/elsewhere"',
      ].join('\n')
    : [
        'version = 3',
        extra,
        "    [plugins.'io.containerd.cri.v1.images'.registry]",
        `      config_path = '${configPath}'`,
        '',
        "    [plugins.'io.containerd.cri.v1.images'.image_decryption]",
        '',
        "    config_path = ''",
      ].join('\n');

const testClock = 'date() { case $1 in +%s) echo 1800000000 ;; *) command date "$@" ;; esac; }\n';

describe('the script for joining nodes', () => {
  it('contains no secret and ends with the only command', () => {
    expect(script).not.toMatch(/Basic [A-Za-z0-9+/]/);
    expect(script.trimEnd().split('\n').at(-1)).toBe(last.trimEnd());
  });
});

/** Tests the script for joining nodes in these shells. */
export const testJoinScript = (shells: readonly (readonly string[])[]): void =>
  describe.each(shells.map((shell) => ({ name: shell.join(' '), shell })))(
    'the script for joining nodes in $name',
    ({ shell }) => {
      let folder: string;
      let containerd: string;

      beforeEach(() => {
        folder = temporaryFolder();
        containerd = join(folder, 'etc/containerd');
      });
      afterEach(() => rmSync(folder, { recursive: true }));

      const certs = (): string => join(containerd, 'certs.d');
      const crioFolders = () => ({
        CONTAINERS: join(folder, 'etc/containers'),
        CRIO: join(folder, 'etc/crio'),
      });
      const oneFolder = (version = '2.2.9') => ({
        VERSION_LINE: versionLine(version),
        CONFIG: dump(version, certs()),
      });
      interface Options {
        readonly args?: readonly string[];
        readonly stdin?: string;
        readonly env?: Readonly<Record<string, string>>;
        readonly before?: string;
      }
      const run = async ({
        args = [],
        stdin = '',
        env = {},
        before = '',
      }: Options = {}): Promise<ScriptResult> =>
        runScript({
          shell,
          script: before + joinScript,
          args,
          stdin,
          env: { CONTAINERD: containerd, ...crioFolders(), INSTALLED: 'containerd', ...oneFolder(), ...env },
        });

      it('writes the files of all hosts with a token from standard input', async () => {
        expect(await run({ stdin: `${token}\n` })).toEqual({
          status: 0,
          stdout:
            `wrote mirror files to ${certs()} for: docker.io quay.io ecr-bootstrap.invalid\n` +
            'containerd 2.2 uses them\n',
          stderr: reading,
        });
        for (const host of mirrors.hosts) {
          expect(readFileSync(join(certs(), host, 'hosts.toml'), 'utf8')).toBe(fileOf(host));
          expect(statSync(join(certs(), host, 'hosts.toml')).mode & 0o777).toBe(0o600);
        }
        expect(treeOf(containerd)['certs.d:/etc/docker/certs.d']).toBe(`link to ${certs()}`);
      });

      it('writes what the agent expects, so that the agent changes nothing', async () => {
        await run({ stdin: token });
        const secret = join(folder, 'mirrors');
        mkdirSync(secret);
        for (const host of mirrors.hosts) writeFileSync(join(secret, host), fileOf(host));
        writeFileSync(join(secret, 'expires_at'), '99999999999');
        const agent = { shell, script: readScripts('node-files', 'node-agent') };
        const env = { PROJECT: 'shop', CONTAINERD: containerd, MIRRORS: secret };
        expect(await runScript({ ...agent, args: ['check'], env })).toEqual({
          status: 0,
          stdout: '',
          stderr: '',
        });
      });

      it('replaces the files of an expired token', async () => {
        await run({ stdin: 'old' });
        await run({ stdin: token });
        expect(readFileSync(join(certs(), 'docker.io/hosts.toml'), 'utf8')).toBe(fileOf('docker.io'));
      });

      it('gets a token from AWS when standard input is empty', async () => {
        const { status } = await run({ env: { INSTALLED: 'containerd aws', AWS_TOKEN: token } });
        expect(status).toBe(0);
        expect(readFileSync(join(certs(), 'quay.io/hosts.toml'), 'utf8')).toBe(fileOf('quay.io'));
      });

      it('explains both ways to give a token when there is none, and writes nothing', async () => {
        const { status, stderr } = await run();
        expect(status).toBe(1);
        expect(stderr).toBe(
          [
            'reading the registry token from standard input',
            'error: there is no registry token. Do one of these:',
            '  give it on standard input: aws ecr get-login-password --region eu-west-1 | ssh NODE sudo sh node.sh',
            '  install the AWS CLI on this node, with credentials of the image puller',
            '',
          ].join('\n'),
        );
        expect(() => statSync(containerd)).toThrow();
      });

      it('reports that AWS gave no token', async () => {
        const result = await run({ env: { INSTALLED: 'containerd aws', AWS_TOKEN: '' } });
        expect(result).toEqual({
          status: 1,
          stdout: '',
          stderr: `${reading}Unable to locate credentials\nerror: there is no registry token on standard input, and AWS gave none\n`,
        });
      });

      it.each([`${token}\nsecond`, 'with space', 'quote"', `${token}\r\n`, 'back\\slash'])(
        'refuses the token %j without printing it',
        async (bad) => {
          expect(await run({ stdin: bad })).toEqual({
            status: 1,
            stdout: '',
            stderr: `${reading}error: the registry token is not valid: it must be one line of base64 characters\n`,
          });
        },
      );

      it('writes the files of an expired token, and fails with the time at which it expired', async () => {
        const tokenOf = (expiration: number) =>
          Buffer.from(JSON.stringify({ payload: 'x', version: '2', type: 'DATA_KEY', expiration })).toString(
            'base64',
          );
        const { status, stderr } = await run({ stdin: tokenOf(1_800_000_000 - 1), before: testClock });
        expect(status).toBe(1);
        expect(stderr).toBe(
          `${reading}error: the registry token expired at 2027-01-15 07:59 UTC by the clock of this node; get a new one\n`,
        );
        expect(readFileSync(join(certs(), 'docker.io/hosts.toml'), 'utf8')).toContain('Basic ');
        expect((await run({ stdin: tokenOf(1_800_000_001), before: testClock })).status).toBe(0);
      });

      it('prints the token neither in its output nor in a trace', async () => {
        const { stdout, stderr } = await run({ stdin: token, before: 'set -x\n' });
        expect(stdout + stderr).not.toContain(token);
        expect(stdout + stderr).not.toContain(encodedLogin);
      });

      it('gives the token to no process as an argument or in the environment', async () => {
        const log = join(folder, 'processes');
        const names = [
          'base64',
          'cat',
          'tr',
          'mktemp',
          'mv',
          'rm',
          'mkdir',
          'sync',
          'sed',
          'grep',
          'cut',
          'head',
          'ln',
        ];
        for (const name of names) {
          const path = join(folder, 'bin', name);
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(
            path,
            `#!/bin/sh\n{ echo "$0 $*"; env; } >>'${log}'\nPATH=$REAL_PATH exec ${name} "$@"\n`,
          );
          chmodSync(path, 0o755);
        }
        const path = process.env['PATH'] ?? '';
        await run({ stdin: token, env: { PATH: `${join(folder, 'bin')}:${path}`, REAL_PATH: path } });
        expect(readFileSync(join(certs(), 'docker.io/hosts.toml'), 'utf8')).toBe(fileOf('docker.io'));
        // A busybox with built-in programs starts no processes.
        if (shell[0] === 'busybox') return;
        const processes = readFileSync(log, 'utf8');
        expect(processes).toContain('bin/base64');
        expect(processes).not.toContain(token);
        expect(processes).not.toContain(encodedLogin);
      });

      it('says that it reads standard input while the input stays open', async () => {
        const started = startScript({
          shell,
          script: joinScript,
          keepsStdinOpen: true,
          env: { CONTAINERD: containerd, INSTALLED: 'containerd', ...oneFolder() },
        });
        await vi.waitFor(() => expect(started.stderr()).toBe(reading), { timeout: 15_000 });
        started.process.stdin?.end(`${token}\n`);
        expect((await started.result).status).toBe(0);
      });

      it('leaves a file of another program as it is, writes and lists the others, and fails', async () => {
        const path = join(certs(), 'docker.io/hosts.toml');
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, 'server = "https://registry.corp"\n');
        const { status, stdout, stderr } = await run({ stdin: token });
        expect(status).toBe(1);
        expect(stdout).toBe(
          `wrote mirror files to ${certs()} for: quay.io ecr-bootstrap.invalid\ncontainerd 2.2 uses them\n`,
        );
        expect(stderr).toBe(`${reading}error: ${path} is managed by another program\n`);
        expect(readFileSync(path, 'utf8')).toBe('server = "https://registry.corp"\n');
        expect(readFileSync(join(certs(), 'quay.io/hosts.toml'), 'utf8')).toBe(fileOf('quay.io'));
      });

      it('says in plain words why it cannot write, and does not list what it did not write', async () => {
        mkdirSync(dirname(containerd));
        writeFileSync(containerd, '');
        const { status, stdout, stderr } = await run({ stdin: token });
        expect(status).toBe(1);
        expect(stdout).not.toContain('wrote');
        expect(stderr).toContain(`error: could not write ${certs()}/docker.io/hosts.toml: Not a directory\n`);
      });

      it('refuses another argument than --remove, and writes nothing', async () => {
        expect(await run({ stdin: token, args: ['--remvoe'] })).toEqual({
          status: 1,
          stdout: '',
          stderr: 'error: the only argument of this script is --remove\n',
        });
        expect(() => statSync(containerd)).toThrow();
      });

      it('must run as root', async () => {
        expect(await run({ stdin: token, env: { USER_ID: '1000' } })).toEqual({
          status: 1,
          stdout: '',
          stderr: 'error: this script must run as root\n',
        });
      });

      it.each(['--remove', 'MODE=remove'])(
        'undoes everything except certs.d with %s, without a token or a runtime',
        async (way) => {
          mkdirSync(containerd, { recursive: true });
          writeFileSync(join(containerd, 'config.toml'), 'version = 3\n');
          const before = treeOf(folder);
          await run({ stdin: token });
          expect(treeOf(folder)).not.toEqual(before);
          const result = await run({
            ...(way === '--remove' ? { args: [way] } : { before: `${way}\n` }),
            env: { INSTALLED: '' },
          });
          expect(result).toEqual({
            status: 0,
            stdout: 'removed the mirror files of shop from this node\n',
            stderr: '',
          });
          expect(treeOf(folder)).toEqual({ ...before, 'etc/containerd/certs.d': 'folder 755' });
        },
      );

      describe('finds out whether containerd uses the files', () => {
        const both = (): string => `${certs()}:/etc/docker/certs.d`;
        const localPull = '    use_local_image_pull = true';

        it.each([
          ['1.7.27', 'one folder', () => dump('1.7.27', certs())],
          ['1.7.27', 'a list of folders', () => dump('1.7.27', `/etc/docker/certs.d:${certs()}`)],
          ['2.0.5', 'a list of folders', () => dump('2.0.5', both())],
          ['2.1.4', 'one folder', () => dump('2.1.4', `${certs()}/`)],
          ['2.1.4', 'a list of folders and local pulls', () => dump('2.1.4', both(), localPull)],
          ['2.2.9', 'its default', () => dump('2.2.9', '')],
          ['2.2.9', 'a configuration that cannot be read', () => ''],
          ['2.2.9', 'its default, written out', () => dump('2.2.9', both())],
          ['2.3.1', 'one folder', () => dump('2.3.1', certs())],
        ])('containerd %s with %s does', async (version, _, config) => {
          const env = { VERSION_LINE: versionLine(version), CONFIG: config() };
          const { status, stdout, stderr } = await run({ stdin: token, env });
          expect({ status, stderr }).toEqual({ status: 0, stderr: reading });
          expect(stdout).toContain(`containerd ${version.slice(0, 3)} uses them\n`);
        });

        it.each([
          ['1.6.31', 'one folder', () => dump('1.6.31', certs())],
          ['1.7.27', 'its default', () => dump('1.7.27', '')],
          ['1.7.27', 'a configuration that cannot be read', () => ''],
          ['2.0.5', 'its default', () => dump('2.0.5', '')],
          ['2.1.4', 'its default', () => dump('2.1.4', '')],
          ['2.1.4', 'a list of folders', () => dump('2.1.4', both())],
          ['2.2.9', 'another folder', () => dump('2.2.9', '/opt/certs.d')],
          ['2.2.9', 'another list of folders', () => dump('2.2.9', `${certs()}:/opt/certs.d`)],
        ])(
          'containerd %s with %s does not, and the lines of the advice are printed',
          async (version, _, config) => {
            const env = { VERSION_LINE: versionLine(version), CONFIG: config() };
            const { status, stderr } = await run({ stdin: token, env });
            const advice = runtimeAdvice(`containerd://${version}`)!;
            expect(status).toBe(1);
            expect(stderr).toBe(
              `${reading}error: containerd ${version.slice(0, 3)} does not use the mirror files. Change its configuration:\n\n` +
                `${advice.lines!.join('\n')}\n\nThen run: ${advice.restart}\n`,
            );
            expect(readFileSync(join(certs(), 'docker.io/hosts.toml'), 'utf8')).toBe(fileOf('docker.io'));
          },
        );

        it.each([
          ['version = 2', '[plugins."io.containerd.grpc.v1.cri".registry]'],
          ['version = 3', "[plugins.'io.containerd.cri.v1.images'.registry]"],
        ])('prints the section for a configuration file with %s', async (firstLine, section) => {
          mkdirSync(containerd, { recursive: true });
          writeFileSync(join(containerd, 'config.toml'), `${firstLine}\n`);
          const env = { VERSION_LINE: versionLine('2.1.4'), CONFIG: dump('2.1.4', '') };
          const { stderr } = await run({ stdin: token, env });
          const [comment, ...rest] = runtimeAdvice('containerd://2.1.4')!.lines!;
          expect(stderr).toContain(`\n\n${[comment, section, ...rest.slice(2)].join('\n')}\n\n`);
        });

        it('containerd 2.2 with its default does not where something else has the path of the link', async () => {
          mkdirSync(containerd, { recursive: true });
          symlinkSync('/nonexistent', `${certs()}:`);
          const { status, stdout, stderr } = await run({
            stdin: token,
            env: { CONFIG: dump('2.2.9', both()) },
          });
          expect(status).toBe(1);
          expect(stdout).not.toContain('uses them');
          expect(stderr).toContain('config_path = "/etc/containerd/certs.d"');
        });

        it('not at all if containerd prints no version', async () => {
          const { status, stderr } = await run({ stdin: token, env: { VERSION_LINE: 'containerd' } });
          expect(status).toBe(1);
          expect(stderr).toContain('error: containerd --version does not print a version');
        });

        it('containerd 2.2 with registry.mirrors, which switches its default off, does not', async () => {
          const config = `${dump('2.2.9', '')}\n[plugins.'io.containerd.cri.v1.images'.registry.mirrors.'docker.io']`;
          const { status, stderr } = await run({ stdin: token, env: { CONFIG: config } });
          expect(status).toBe(1);
          expect(stderr).toContain(
            '# If the sections registry.mirrors or registry.configs.*.tls exist, delete them.',
          );
        });
      });

      describe('with CRI-O', () => {
        const registry = (host: string): string =>
          `# managed by ecr-bootstrap shop\n[[registry]]\nprefix = "${host}"\nlocation = "${mirrors.host}/shop/${host}"\n`;
        const loginPath = (): string => join(folder, 'etc/crio/ecr-bootstrap-auth.json');
        const settings = (): string =>
          `[crio.image]\nauto_reload_registries = true\nglobal_auth_file = "${loginPath()}"\n`;
        /** The same settings as `crio config` and `crio status config` print them, among others. */
        const configured = (indent = ''): string =>
          ['[crio.image]', '# big_files_temporary_dir = ""', ...settings().split('\n').slice(1, 3)]
            .map((line) => `${indent}${line}`)
            .join('\n');
        const onCrio = (env: Readonly<Record<string, string>> = {}): Options => ({
          stdin: token,
          env: { INSTALLED: 'crio containerd', CRIO_CONFIG: configured(), ...env },
        });
        const wrote = (): string =>
          `wrote mirror files to ${folder}/etc/containers/registries.conf.d for: ${mirrors.hosts.join(' ')}\n`;

        it('writes one file per host, the login and the settings, and nothing for containerd', async () => {
          expect(await run(onCrio())).toEqual({
            status: 0,
            stdout: `${wrote()}CRI-O uses them when it starts\n`,
            stderr: reading,
          });
          const files = treeOf(join(folder, 'etc'));
          const login = files['crio/ecr-bootstrap-auth.json'];
          expect(files).toEqual({
            containers: 'folder 755',
            'containers/registries.conf.d': 'folder 755',
            ...Object.fromEntries(
              mirrors.hosts.map((host) => [
                `containers/registries.conf.d/ecr-bootstrap-${host}.conf`,
                `file 644 ${registry(host)}`,
              ]),
            ),
            crio: 'folder 755',
            'crio/crio.conf.d': 'folder 755',
            'crio/crio.conf.d/ecr-bootstrap.conf': `file 644 # managed by ecr-bootstrap shop\n${settings()}`,
            'crio/ecr-bootstrap-auth.json': login,
          });
          expect(login).toMatch(/^file 600 /);
          expect(JSON.parse(login!.replace('file 600 ', ''))).toEqual({
            '//': 'managed by ecr-bootstrap shop',
            auths: Object.fromEntries(
              mirrors.hosts.map((host) => [`${mirrors.host}/shop/${host}`, { auth: encodedLogin }]),
            ),
          });
        });

        it('succeeds if the running CRI-O has the settings', async () => {
          const { status, stdout } = await run(onCrio({ CRIO_RUNNING: configured('    ') }));
          expect({ status, stdout }).toEqual({ status: 0, stdout: `${wrote()}CRI-O uses them\n` });
        });

        it('fails if CRI-O runs without the settings, and prints the command that restarts it', async () => {
          const running = '    auto_reload_registries = false\n    global_auth_file = ""';
          expect(await run(onCrio({ CRIO_RUNNING: running }))).toEqual({
            status: 1,
            stdout: wrote(),
            stderr:
              `${reading}error: CRI-O uses the mirror files after a restart, which running containers survive.\n` +
              'Run: systemctl restart crio\n',
          });
        });

        it('fails if another file overrides the settings', async () => {
          const config = configured().replace('= true', '= false');
          const { status, stderr } = await run(onCrio({ CRIO_CONFIG: config, CRIO_RUNNING: config }));
          expect(status).toBe(1);
          expect(stderr).toContain(`must have these settings:\n\n${settings()}\nFind the file`);
        });

        it('leaves the files and entries of other programs as they are, and lists them', async () => {
          const put = (path: string, content: string): void => {
            mkdirSync(dirname(join(folder, path)), { recursive: true });
            writeFileSync(join(folder, path), content);
          };
          put('etc/containers/registries.conf', '[[registry]]\nlocation = "quay.io"\nblocked = true\n');
          put('etc/containers/registries.conf.d/ecr-bootstrap-docker.io.conf', '# mine\n');
          put('etc/crio/crio.conf.d/10-login.conf', '[crio.image]\nglobal_auth_file = "/etc/auth.json"\n');
          const before = treeOf(folder);
          const { status, stderr } = await run(onCrio());
          expect(status).toBe(1);
          expect(stderr.split('\n')).toEqual([
            reading.trimEnd(),
            `error: ${folder}/etc/crio/crio.conf.d/10-login.conf sets global_auth_file`,
            `error: ${folder}/etc/containers/registries.conf.d/ecr-bootstrap-docker.io.conf is managed by another program, its first line is: # mine`,
            `error: ${folder}/etc/containers/registries.conf has an entry for quay.io`,
            '',
          ]);
          expect(treeOf(folder)).toMatchObject(before);
        });

        it('removes all files again', async () => {
          await run(onCrio());
          const { status } = await run({ ...onCrio(), args: ['--remove'] });
          expect(status).toBe(0);
          const left = Object.values(treeOf(folder)).filter((entry) => !entry.startsWith('folder'));
          expect(left).toEqual([]);
        });
      });

      it('fails without a container runtime', async () => {
        expect(await run({ stdin: token, env: { INSTALLED: '' } })).toEqual({
          status: 1,
          stdout: '',
          stderr:
            'error: there is no container runtime: neither containerd nor CRI-O is installed\n' +
            '  install containerd, then run this script again\n',
        });
      });
    },
  );
