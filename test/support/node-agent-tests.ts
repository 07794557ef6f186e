import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { readScripts } from '../../src/nodes/script.ts';
import {
  runScript,
  type ScriptResult,
  type StartedScript,
  startScript,
  temporaryFolder,
  treeOf,
} from './node-scripts.ts';

const now = 1_800_000_000;
const hour = 3600;
const header = '# managed by ecr-bootstrap shop';
const mirrorFile = (token: string, host = 'docker.io'): string =>
  `${header}\nserver = "https://ecr/v2/shop/${host}"\n[header]\nAuthorization = "Basic ${token}"\n`;

/**
 * A clock that tests set, as a function because functions have precedence over programs in every shell. It also counts
 * how often it was read: once or twice in each pass of `watch`.
 */
const testClock =
  'date() { case $1 in +%s) echo >>"$CLOCK.reads"; command cat "$CLOCK" ;; *) command date "$@" ;; esac; }\n';

const canMount =
  spawnSync('unshare', ['--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'none', tmpdir()]).status === 0;

/** Tests the script of the agent in these shells. The image of the agent has busybox, so bash is left out. */
export const testAgentScript = (shells: readonly (readonly string[])[]): void =>
  describe.each(
    shells.filter(([command]) => command !== 'bash').map((shell) => ({ name: shell.join(' '), shell })),
  )('the agent in $name', ({ shell }) => {
    let folder: string;
    let containerd: string;
    let mirrors: string;
    const running: StartedScript[] = [];

    beforeEach(() => {
      folder = temporaryFolder();
      containerd = join(folder, 'containerd');
      mirrors = join(folder, 'mirrors');
      mkdirSync(containerd);
      mkdirSync(mirrors);
      writeFileSync(join(folder, 'clock'), `${now}\n`);
      setSecret({ 'docker.io': mirrorFile('one'), 'quay.io': mirrorFile('one', 'quay.io') });
    });
    afterEach(async () => {
      for (const script of running) script.process.kill('SIGTERM');
      await Promise.all(running.splice(0).map(async ({ result }) => result));
      rmSync(folder, { recursive: true });
    });

    /** Sets the content of the Secret, like the kubelet by renaming. */
    const setSecret = (files: Readonly<Record<string, string>>, expiresAt = `${now + 12 * hour}`): void => {
      for (const name of readdirSync(mirrors)) if (!(name in files)) rmSync(join(mirrors, name));
      for (const [name, content] of Object.entries({ ...files, expires_at: expiresAt })) {
        writeFileSync(join(folder, 'new'), content);
        renameSync(join(folder, 'new'), join(mirrors, name));
      }
    };
    const onNode = (path: string): string => join(containerd, 'certs.d', path);
    const hostsFile = (host: string): string => onNode(`${host}/hosts.toml`);
    const write = (path: string, content: string): void => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    };
    const contentOf = (host: string): string => readFileSync(hostsFile(host), 'utf8');
    const setClock = (time: number): void => {
      writeFileSync(join(folder, 'new'), `${time}\n`);
      renameSync(join(folder, 'new'), join(folder, 'clock'));
    };

    const request = (mode: string, before: string) => ({
      shell,
      script: testClock + before + readScripts('node-files', 'node-agent'),
      args: [mode],
      env: {
        PROJECT: 'shop',
        CONTAINERD: containerd,
        MIRRORS: mirrors,
        CLOCK: join(folder, 'clock'),
      },
    });
    const run = async (mode: string, before = ''): Promise<ScriptResult> => runScript(request(mode, before));
    const watch = (intervalSeconds = '0.05'): StartedScript => {
      const { env, ...rest } = request('watch', '');
      const started = startScript({ ...rest, env: { ...env, INTERVAL: intervalSeconds } });
      running.push(started);
      return started;
    };
    const lastLine = (script: StartedScript): string | undefined =>
      script.stdout().trimEnd().split('\n').at(-1);
    const eventually = async (check: () => void): Promise<void> =>
      vi.waitFor(check, { timeout: 15_000, interval: 20 });
    const reads = (): number => statSync(join(folder, 'clock.reads')).size;
    /** Waits until `watch` has made at least two whole passes from now. */
    const passes = async (): Promise<void> => {
      const before = reads();
      await eventually(() => expect(reads()).toBeGreaterThan(before + 5));
    };
    const ready = expect.stringMatching(/^ready; /) as string;

    describe('write', () => {
      it('writes the file of every host, readable by root only', async () => {
        expect(await run('write')).toEqual({ status: 0, stdout: '', stderr: '' });
        expect(contentOf('docker.io')).toBe(mirrorFile('one'));
        expect(contentOf('quay.io')).toBe(mirrorFile('one', 'quay.io'));
        expect(statSync(hostsFile('docker.io')).mode & 0o777).toBe(0o600);
        expect(readdirSync(onNode('docker.io'))).toEqual(['hosts.toml']);
      });

      it('creates the link that lets the default configuration of containerd 2.2 find the files', async () => {
        await run('write');
        expect(treeOf(containerd)['certs.d:/etc/docker/certs.d']).toBe(`link to ${containerd}/certs.d`);
        const found = join(containerd, 'certs.d:/etc/docker/certs.d/docker.io/hosts.toml');
        expect(readFileSync(found, 'utf8')).toBe(mirrorFile('one'));
      });

      it('changes nothing when everything is in place', async () => {
        await run('write');
        const before = treeOf(containerd);
        await run('write');
        expect(treeOf(containerd)).toEqual(before);
      });

      it('replaces a file by a rename, so that a reader of the old file still has all of it', async () => {
        await run('write');
        const reader = openSync(hostsFile('docker.io'), 'r');
        onTestFinished(() => closeSync(reader));
        setSecret({ 'docker.io': mirrorFile('two') });
        await run('write');
        expect(readFileSync(reader, 'utf8')).toBe(mirrorFile('one'));
        expect(contentOf('docker.io')).toBe(mirrorFile('two'));
      });

      it('leaves the old file complete when it is killed in the middle of a write', async () => {
        await run('write');
        setSecret({ 'docker.io': mirrorFile('two') });
        const killed = await run('write', 'cat() { head -c 20; kill -9 0; }\n');
        expect(killed.status).toBeNull();
        expect(contentOf('docker.io')).toBe(mirrorFile('one'));
      });

      it('leaves no file under the final name when it is killed during its first write', async () => {
        await run('write', 'cat() { head -c 20; kill -9 0; }\n');
        const [temporary, ...others] = readdirSync(onNode('docker.io'));
        expect(temporary).toMatch(/^\.hosts\.toml\.ecr-bootstrap\./);
        expect(others).toEqual([]);
        expect(statSync(onNode(`docker.io/${temporary!}`)).mode & 0o777).toBe(0o600);
      });

      it('removes the temporary file of a killed run and writes the file', async () => {
        await run('write', 'cat() { head -c 20; kill -9 0; }\n');
        await run('write');
        expect(readdirSync(onNode('docker.io'))).toEqual(['hosts.toml']);
        expect(contentOf('docker.io')).toBe(mirrorFile('one'));
      });

      it('succeeds and leaves the files of other programs and projects as they are', async () => {
        write(hostsFile('docker.io'), 'server = "https://registry.corp"\n');
        write(hostsFile('quay.io'), '# managed by ecr-bootstrap shop-2\n');
        chmodSync(hostsFile('quay.io'), 0o640);
        const before = treeOf(onNode(''));
        expect((await run('write')).status).toBe(0);
        expect(treeOf(onNode(''))).toEqual(before);
      });

      it('does not write through links of other programs', async () => {
        mkdirSync(join(folder, 'elsewhere'));
        write(join(folder, 'elsewhere.toml'), mirrorFile('old'));
        write(onNode('quay.io/note'), '');
        symlinkSync(join(folder, 'elsewhere'), onNode('docker.io'));
        symlinkSync(join(folder, 'elsewhere.toml'), hostsFile('quay.io'));
        const before = treeOf(folder);
        await run('write');
        expect(treeOf(join(folder, 'elsewhere'))).toEqual({});
        expect(treeOf(onNode(''))).toEqual(
          Object.fromEntries(
            Object.entries(before)
              .filter(([path]) => path.startsWith('containerd/certs.d/'))
              .map(([path, entry]) => [path.replace('containerd/certs.d/', ''), entry]),
          ),
        );
      });

      it('ignores keys of the Secret that are not host names', async () => {
        const bad = ['..data', '.hidden', '-rf', 'a..b', 'UPPER.io', 'a b', 'a_b', "a'$(touch x)", 'ü.io'];
        setSecret({
          'docker.io': mirrorFile('one'),
          ...Object.fromEntries(bad.map((name) => [name, mirrorFile('one')])),
        });
        await run('write');
        expect(readdirSync(onNode(''))).toEqual(['docker.io']);
      });

      it('says in plain words why it cannot write', async () => {
        rmSync(containerd, { recursive: true });
        writeFileSync(containerd, '');
        const { status, stdout } = await run('write');
        expect(status).toBe(1);
        expect(stdout).toContain(`could not write ${hostsFile('docker.io')}: Not a directory\n`);
      });

      it('keeps the old file and leaves no temporary file when the disk is full', async () => {
        await run('write');
        setSecret({ 'docker.io': mirrorFile('two') });
        const { status, stdout } = await run('write', "trap '' XFSZ; ulimit -f 0\n");
        expect(status).toBe(1);
        expect(stdout).toBe(`could not write ${hostsFile('docker.io')}: File too large\n`);
        expect(contentOf('docker.io')).toBe(mirrorFile('one'));
        expect(readdirSync(onNode('docker.io'))).toEqual(['hosts.toml']);
      });

      it('reads only the beginning of a file of another program, however long its first line is', async () => {
        write(hostsFile('docker.io'), `# ${'x'.repeat(20_000_000)}`);
        expect((await run('write')).status).toBe(0);
        expect((await run('check')).stdout).toContain('its first line is: # xxx');
        expect(statSync(hostsFile('docker.io')).size).toBe(20_000_002);
      });

      it('does not wait for a pipe that has the name of a file', async () => {
        mkdirSync(onNode('docker.io'), { recursive: true });
        execFileSync('mkfifo', [hostsFile('docker.io')]);
        expect((await run('write')).status).toBe(0);
        expect((await run('check')).stdout).toBe(
          `${hostsFile('docker.io')} is not a file that ecr-bootstrap manages\n`,
        );
        expect(contentOf('quay.io')).toBe(mirrorFile('one', 'quay.io'));
      });

      it.each(['\r\n', ' \n', '\0\n', '-2\n'])(
        'leaves a file as it is whose first line is its own followed by %j',
        async (end) => {
          write(hostsFile('docker.io'), `${header}${end}`);
          await run('write');
          expect(contentOf('docker.io')).toBe(`${header}${end}`);
        },
      );

      it('refuses a file of the Secret that it could not recognize afterwards', async () => {
        setSecret({ 'docker.io': 'server = "https://ecr"\n' });
        expect((await run('write')).status).toBe(0);
        expect((await run('check')).stdout).toBe('the Secret node-access has no valid file for docker.io\n');
      });
    });

    describe('watch', () => {
      it('writes missing files and reports that it is ready', async () => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        expect(script.stdout()).toBe(
          'ready; mirrored: docker.io quay.io; the token expires at 2027-01-15 20:00 UTC\n',
        );
        expect(contentOf('quay.io')).toBe(mirrorFile('one', 'quay.io'));
      });

      it('prints a line only when its state changes', async () => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        await passes();
        expect(script.stdout().trimEnd().split('\n')).toHaveLength(1);
      });

      it('writes a renewed token within one interval, as often as it is renewed', async () => {
        watch();
        for (const token of ['two', 'three', 'four', 'five', 'six', 'seven']) {
          setSecret({ 'docker.io': mirrorFile(token) });
          await eventually(() => expect(contentOf('docker.io')).toBe(mirrorFile(token)));
        }
      });

      it('restores a removed folder three times, then reports what is there and stops', async () => {
        const script = watch();
        write(onNode('_default/hosts.toml'), 'server = "https://spegel"\n');
        for (const restores of [0, 1, 2, 3]) {
          await eventually(() => expect(script.stdout().match(/^restored /gm) ?? []).toHaveLength(restores));
          await eventually(() => expect(lastLine(script)).toEqual(ready));
          expect(contentOf('docker.io')).toBe(mirrorFile('one'));
          rmSync(onNode('docker.io'), { recursive: true });
        }
        await eventually(() =>
          expect(lastLine(script)).toBe(
            `${hostsFile('docker.io')} is missing and is not restored before 2027-01-15 09:00 UTC, ` +
              'because another program removed or changed it 3 times within an hour; ' +
              `${join(containerd, 'certs.d')} contains: _default quay.io`,
          ),
        );
        expect(contentOf('quay.io')).toBe(mirrorFile('one', 'quay.io'));
      });

      it('restores a file again when an hour has passed', async () => {
        const script = watch();
        for (const restores of [0, 1, 2, 3]) {
          await eventually(() => expect(script.stdout().match(/^restored /gm) ?? []).toHaveLength(restores));
          await eventually(() => expect(lastLine(script)).toEqual(ready));
          rmSync(hostsFile('docker.io'));
        }
        await eventually(() => expect(lastLine(script)).toContain('is not restored before'));
        setSecret({ 'docker.io': mirrorFile('two') }, `${now + 13 * hour}`);
        setClock(now + hour - 1);
        await passes();
        expect(readdirSync(onNode('docker.io'))).toEqual([]);
        setClock(now + hour);
        await eventually(() => expect(contentOf('docker.io')).toBe(mirrorFile('two')));
        await eventually(() => expect(lastLine(script)).toEqual(ready));
      });

      it('restores a file that another program changed below the first line', async () => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        appendFileSync(hostsFile('docker.io'), '# changed\n');
        await eventually(() => expect(contentOf('docker.io')).toBe(mirrorFile('one')));
      });

      it('makes a file unreadable for other users again, however often and without a restore', async () => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        for (const _ of [1, 2, 3, 4, 5]) {
          chmodSync(hostsFile('quay.io'), 0o644);
          await eventually(() => expect(statSync(hostsFile('quay.io')).mode & 0o777).toBe(0o600));
        }
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        expect(script.stdout()).not.toContain('restored');
      });

      it('makes a file unreadable for other users even while it does not restore it', async () => {
        const script = watch();
        for (const restores of [0, 1, 2, 3]) {
          await eventually(() => expect(script.stdout().match(/^restored /gm) ?? []).toHaveLength(restores));
          await eventually(() => expect(lastLine(script)).toEqual(ready));
          appendFileSync(hostsFile('docker.io'), '# changed\n');
        }
        await eventually(() => expect(lastLine(script)).toContain('is not restored before'));
        chmodSync(hostsFile('docker.io'), 0o644);
        await eventually(() => expect(statSync(hostsFile('docker.io')).mode & 0o777).toBe(0o600));
        expect(contentOf('docker.io')).toContain('# changed');
      });

      it('reports a file of another program, never changes it, and writes when it is gone', async () => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        write(hostsFile('docker.io'), '# written by \u001b[31mspegel\nsecret\n');
        await eventually(() =>
          expect(lastLine(script)).toBe(
            `${hostsFile('docker.io')} is managed by another program, ` +
              'its first line is: # written by [31mspegel',
          ),
        );
        setSecret({ 'docker.io': mirrorFile('two') });
        await passes();
        expect(contentOf('docker.io')).toBe('# written by \u001b[31mspegel\nsecret\n');
        rmSync(hostsFile('docker.io'));
        await eventually(() => expect(contentOf('docker.io')).toBe(mirrorFile('two')));
      });

      it('deletes the files of hosts that are no longer mirrored, and only managed ones', async () => {
        write(hostsFile('ghcr.io'), 'server = "https://registry.corp"\n');
        write(hostsFile('gcr.io'), '# managed by ecr-bootstrap shop-2\n');
        write(onNode('quay.io/ca.crt'), 'certificate');
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        setSecret({ 'quay.io': mirrorFile('one', 'quay.io') });
        await eventually(() => expect(readdirSync(onNode(''))).toEqual(['gcr.io', 'ghcr.io', 'quay.io']));
        setSecret({});
        await eventually(() => expect(readdirSync(onNode('quay.io'))).toEqual(['ca.crt']));
        await eventually(() =>
          expect(script.stdout()).toContain(
            `deleted ${hostsFile('docker.io')}, because docker.io is no longer mirrored\n`,
          ),
        );
        expect(contentOf('ghcr.io')).toBe('server = "https://registry.corp"\n');
      });

      it.each([
        ['an empty Secret', () => undefined],
        ['a Secret without a valid time', () => writeFileSync(join(mirrors, 'expires_at'), '<no value>')],
      ])('deletes nothing for %s', async (_, add) => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        for (const name of readdirSync(mirrors)) rmSync(join(mirrors, name));
        add();
        await eventually(() =>
          expect(lastLine(script)).toBe('the Secret node-access has no valid expires_at'),
        );
        await passes();
        expect(contentOf('docker.io')).toBe(mirrorFile('one'));
      });

      it('ends on SIGTERM long before its next pass', async () => {
        const script = watch('600');
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        script.process.kill('SIGTERM');
        expect((await script.result).status).toBe(0);
      });

      it('ends its log with the reason why the pod is not ready, also for errors of the system', async () => {
        rmSync(containerd, { recursive: true });
        writeFileSync(containerd, '');
        const script = watch();
        await eventually(() =>
          expect(lastLine(script)).toMatch(
            new RegExp(`^could not write ${hostsFile('docker.io')}: Not a directory; `),
          ),
        );
      });

      it('counts down to the expiry of the token in steps of ten minutes', async () => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        const lines: (string | undefined)[] = [];
        for (const left of [3 * hour - 1, 2 * hour + 601, 59 * 60, 599, 0]) {
          const previous = lastLine(script);
          setClock(now + 12 * hour - left);
          await eventually(() => expect(lastLine(script)).not.toBe(previous));
          lines.push(lastLine(script));
        }
        expect(lines).toEqual([
          'the token expires in 2 h 50 min and was not renewed',
          'the token expires in 2 h 10 min and was not renewed',
          'the token expires in 50 min and was not renewed',
          'the token expires in less than 10 min and was not renewed',
          'the token expired at 2027-01-15 20:00 UTC and was not renewed, so pulls fail',
        ]);
      });

      it.each([
        'header = { Authorization = "Basic c2VjcmV0" }',
        'server = "https://user:c2VjcmV0@registry.corp"',
        '# server = "https://user:c2VjcmV0@registry.corp"',
        '# https://user:c2VjcmV0@registry.corp',
        'c2VjcmV0',
      ])('prints nothing of a file of another program that begins with: %s', async (firstLine) => {
        const script = watch();
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        write(hostsFile('docker.io'), `${firstLine}\n`);
        await eventually(() =>
          expect(lastLine(script)).toBe(`${hostsFile('docker.io')} is managed by another program`),
        );
        expect(script.stdout()).not.toContain('c2VjcmV0');
      });
    });

    describe('check', () => {
      it('succeeds silently when every file is in place and the token lasts', async () => {
        await run('write');
        expect(await run('check')).toEqual({ status: 0, stdout: '', stderr: '' });
      });

      it.each([
        ['is missing', () => rmSync(hostsFile('docker.io'))],
        ['differs from the Secret node-access', () => appendFileSync(hostsFile('docker.io'), '#\n')],
        ['differs from the Secret node-access', () => chmodSync(hostsFile('docker.io'), 0o644)],
        [
          'is managed by another program, its first line is: # mine',
          () => writeFileSync(hostsFile('docker.io'), '# mine'),
        ],
        [
          'is not a file that ecr-bootstrap manages',
          () => {
            rmSync(hostsFile('docker.io'));
            symlinkSync('/nonexistent', hostsFile('docker.io'));
          },
        ],
      ])('fails when a file %s', async (reason, damage) => {
        await run('write');
        damage();
        expect(await run('check')).toEqual({
          status: 1,
          stdout: `${hostsFile('docker.io')} ${reason}\n`,
          stderr: '',
        });
      });

      it.each([
        ['', 'the Secret node-access has no valid expires_at'],
        ['soon', 'the Secret node-access has no valid expires_at'],
        ['0123', 'the Secret node-access has no valid expires_at'],
        ['1800000000000000000000', 'the Secret node-access has no valid expires_at'],
        [`${now}`, 'the token expired at 2027-01-15 08:00 UTC and was not renewed, so pulls fail'],
        [`${now + 2 * hour + 14 * 60}`, 'the token expires in 2 h 10 min and was not renewed'],
        [`${now + 3 * hour - 1}`, 'the token expires in 2 h 50 min and was not renewed'],
      ])('fails for the time "%s" and says: %s', async (expiresAt, reason) => {
        await run('write');
        writeFileSync(join(mirrors, 'expires_at'), expiresAt);
        expect(await run('check')).toEqual({ status: 1, stdout: `${reason}\n`, stderr: '' });
      });

      it('succeeds while the token lasts three hours', async () => {
        await run('write');
        writeFileSync(join(mirrors, 'expires_at'), `${now + 3 * hour}`);
        expect((await run('check')).status).toBe(0);
      });

      it('prints a reason once that several hosts have', async () => {
        rmSync(onNode(''), { recursive: true, force: true });
        writeFileSync(onNode(''), '');
        expect((await run('check')).stdout).toBe(
          `${join(containerd, 'certs.d')} is not a folder that ecr-bootstrap manages\n`,
        );
      });

      it('prints all reasons in one line', async () => {
        await run('write');
        rmSync(onNode(''), { recursive: true });
        writeFileSync(join(mirrors, 'expires_at'), `${now}`);
        expect((await run('check')).stdout).toBe(
          'the token expired at 2027-01-15 08:00 UTC and was not renewed, so pulls fail; ' +
            `${hostsFile('docker.io')} is missing; ${hostsFile('quay.io')} is missing\n`,
        );
      });
    });

    describe('remove', () => {
      it('leaves the node exactly as it was', async () => {
        write(join(containerd, 'config.toml'), 'version = 3\n');
        write(hostsFile('ghcr.io'), 'server = "https://registry.corp"\n');
        write(hostsFile('gcr.io'), '# managed by ecr-bootstrap shop-2\n');
        write(onNode('docker.io/ca.crt'), 'certificate');
        mkdirSync(onNode('empty.example'));
        const before = treeOf(containerd);
        await run('write');
        expect(treeOf(containerd)).not.toEqual(before);
        expect((await run('remove')).status).toBe(0);
        expect(treeOf(containerd)).toEqual(before);
      });

      it('removes all folders that it created except certs.d, and does so again without an error', async () => {
        await run('write');
        for (const _ of [1, 2]) {
          expect(await run('remove')).toEqual({ status: 0, stdout: '', stderr: '' });
          expect(treeOf(containerd)).toEqual({ 'certs.d': 'folder 755' });
        }
      });

      it('removes the temporary file of a killed run', async () => {
        await run('write', 'cat() { head -c 20; kill -9 0; }\n');
        await run('remove');
        expect(treeOf(containerd)).toEqual({ 'certs.d': 'folder 755' });
      });

      it('keeps a folder certs.d that existed and was empty', async () => {
        mkdirSync(onNode(''), { mode: 0o700 });
        await run('write');
        await run('remove');
        expect(treeOf(containerd)).toEqual({ 'certs.d': 'folder 700' });
      });

      it('keeps a file of another program beside its link, and succeeds', async () => {
        write(join(containerd, 'certs.d:/etc/docker/note'), '');
        await run('write');
        expect(await run('remove')).toEqual({ status: 0, stdout: '', stderr: '' });
        expect(readdirSync(join(containerd, 'certs.d:/etc/docker'))).toEqual(['note']);
      });

      it('keeps a link that it did not create', async () => {
        write(join(containerd, 'certs.d:/etc/docker/note'), '');
        symlinkSync('/somewhere', join(containerd, 'certs.d:/etc/docker/certs.d'));
        mkdirSync(onNode(''));
        const before = treeOf(containerd);
        await run('write');
        await run('remove');
        expect(treeOf(containerd)).toEqual(before);
      });
    });

    describe('on a node with CRI-O', () => {
      const ecr = '1.dkr.ecr.eu-west-1.amazonaws.com';
      const mirrorOf = (host: string, token = 'b25l'): string =>
        `${header}\nserver = "https://${ecr}/v2/shop/${host}"\n[header]\nAuthorization = "Basic ${token}"\n`;
      const secretOf = (hosts: readonly string[], token?: string) =>
        Object.fromEntries(hosts.map((host) => [host, mirrorOf(host, token)]));
      const path = (name: string): string => join(folder, name);
      const registries = (name = ''): string => join(folder, 'containers/registries.conf.d', name);
      const registryFile = (host: string): string => registries(`ecr-bootstrap-${host}.conf`);
      const loginFile = (): string => path('crio/ecr-bootstrap-auth.json');
      const settingsFile = (): string => path('crio/crio.conf.d/ecr-bootstrap.conf');
      const registryOf = (host: string): string =>
        `${header}\n[[registry]]\nprefix = "${host}"\nlocation = "${ecr}/shop/${host}"\n`;
      const login = (): unknown => JSON.parse(readFileSync(loginFile(), 'utf8'));
      const loginOf = (hosts: readonly string[], token = 'b25l') => ({
        '//': 'managed by ecr-bootstrap shop',
        auths: Object.fromEntries(hosts.map((host) => [`${ecr}/shop/${host}`, { auth: token }])),
      });
      const hosts = ['docker.io', 'quay.io'];

      beforeEach(() => {
        mkdirSync(path('containers'));
        mkdirSync(path('crio'));
        writeFileSync(path('containerenv'), '');
        setSecret(secretOf(hosts));
      });

      const onCrio = (mode: string, more: Readonly<Record<string, string>> = {}) => {
        const { env, ...rest } = request(mode, '');
        const crio = {
          CONTAINERS: path('containers'),
          CRIO: path('crio'),
          CONTAINER_ENV: path('containerenv'),
        };
        return { ...rest, env: { ...env, ...crio, ...more } };
      };
      const runOnCrio = (mode: string): Promise<ScriptResult> => runScript(onCrio(mode));

      it('writes a file per host, the login for their paths in ECR, and the settings that make CRI-O use both', async () => {
        expect(await runOnCrio('write')).toEqual({ status: 0, stdout: '', stderr: '' });
        expect(treeOf(path('containers'))).toEqual({
          'registries.conf.d': 'folder 755',
          ...Object.fromEntries(
            hosts.map((host) => [
              `registries.conf.d/ecr-bootstrap-${host}.conf`,
              `file 644 ${registryOf(host)}`,
            ]),
          ),
        });
        expect(readFileSync(settingsFile(), 'utf8')).toBe(
          `${header}\n[crio.image]\nauto_reload_registries = true\nglobal_auth_file = "${loginFile()}"\n`,
        );
        expect(login()).toEqual(loginOf(hosts));
        expect(statSync(loginFile()).mode & 0o777).toBe(0o600);
        expect(treeOf(containerd)).toEqual({});
        expect(await runOnCrio('check')).toEqual({ status: 0, stdout: '', stderr: '' });
      });

      it.each([
        ['another runtime', { CONTAINER_ENV: '/nonexistent' }],
        ['a DaemonSet without the folders of CRI-O', { CRIO: '/nonexistent' }],
      ])('writes the files of containerd under %s', async (_, env) => {
        await runScript(onCrio('write', env));
        expect(treeOf(path('containers'))).toEqual({});
        expect(readdirSync(onNode(''))).toEqual(hosts);
      });

      it('changes the login alone when the token is renewed, because CRI-O reloads changed files of hosts', async () => {
        await runOnCrio('write');
        const before = statSync(registryFile('docker.io')).ino;
        const script = startScript(onCrio('watch', { INTERVAL: '0.05' }));
        running.push(script);
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        setSecret(secretOf(hosts, 'dHdv'));
        await eventually(() => expect(login()).toEqual(loginOf(hosts, 'dHdv')));
        expect(statSync(registryFile('docker.io')).ino).toBe(before);
      });

      it('deletes the file of a host that is no longer mirrored, and restores what another program removed', async () => {
        const script = startScript(onCrio('watch', { INTERVAL: '0.05' }));
        running.push(script);
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        writeFileSync(registries('ecr-bootstrap-gcr.io.conf'), '# mine\n');
        rmSync(settingsFile());
        await eventually(() => expect(script.stdout()).toContain(`restored ${settingsFile()}, which`));
        setSecret(secretOf(['quay.io']));
        await eventually(() =>
          expect(readdirSync(registries())).toEqual([
            'ecr-bootstrap-gcr.io.conf',
            'ecr-bootstrap-quay.io.conf',
          ]),
        );
        await eventually(() => expect(login()).toEqual(loginOf(['quay.io'])));
      });

      /** Runs a function of the shared script for every text, as the content of `$file`, in one shell. */
      const forEach = async (texts: readonly string[], commands: string): Promise<readonly string[]> => {
        const folders = texts.map((text, index) => {
          const conf = path(`cases/${index + 100}/crio.conf`);
          write(conf, text);
          return dirname(conf);
        });
        const { stdout } = await runScript({
          ...onCrio(''),
          script: `RUNTIME=crio\n${readScripts('node-files')}\nfor CRIO in ${folders.join(' ')}; do file=$CRIO/crio.conf; ${commands} | tr '\\n' ' '; echo; done`,
        });
        return stdout
          .trimEnd()
          .split('\n')
          .map((line) => line.trim());
      };

      it('finds the registries that another program has configured', async () => {
        const cases = {
          '[[registry]]\nlocation = "docker.io"\n': 'docker.io',
          "[[ registry ]]\n  prefix='docker.io/'\nlocation = 'mirror.corp'\n": 'docker.io',
          '[[registry]]\nlocation = "a.corp"\n[[registry]]\n"prefix" = "docker.io" # mine\n':
            'a.corp docker.io',
          'unqualified-search-registries = ["docker.io"]\n[aliases]\n"docker.io" = "docker.io/x"\n': '',
          '[[registry]]\nlocation = "a.corp"\n[[registry.mirror]]\nlocation = "docker.io"\n': 'a.corp',
          '[[registry]]\nprefix = "a.corp"\nlocation = "docker.io"\n': 'a.corp',
          '[[registry]]\nprefix = "docker.io/library"\nlocation = "a.corp"\n': 'docker.io/library',
          '#[[registry]]\n#location = "docker.io"\n': '',
          '[[registry]]\nlocation = "quay.io"': 'quay.io',
        };
        expect(await forEach(Object.keys(cases), 'prefixes <"$file"')).toEqual(Object.values(cases));
      });

      it('finds the login file that another program has configured', async () => {
        const cases: readonly (readonly [text: string, isOther: boolean])[] = [
          ['global_auth_file = "/etc/auth.json"\n', true],
          ["  global_auth_file='/etc/auth.json'\n", true],
          ['global_auth_file = ""\n', false],
          ['# global_auth_file = "/etc/auth.json"\n', false],
          [`${header}\nglobal_auth_file = "/etc/auth.json"\n`, false],
          ['x\n', false],
          ['\tglobal_auth_file="/etc/auth.json"\n', true],
        ];
        const found = await forEach(
          cases.map(([text]) => text),
          'other_login',
        );
        expect(found.map((line) => line.endsWith('/crio.conf sets global_auth_file'))).toEqual(
          cases.map(([, isOther]) => isOther),
        );
      });

      it('does not configure what another program has configured, and reports it', async () => {
        mkdirSync(registries());
        mkdirSync(path('crio/crio.conf.d'));
        writeFileSync(registries('010-corp.conf'), '[[registry]]\nlocation = "docker.io"\n');
        writeFileSync(path('crio/crio.conf.d/10-login.conf'), 'global_auth_file = "/etc/auth.json"\n');
        expect((await runOnCrio('write')).status).toBe(0);
        expect((await runOnCrio('check')).stdout).toBe(
          `${path('crio/crio.conf.d/10-login.conf')} sets global_auth_file; ` +
            `${registries('010-corp.conf')} has an entry for docker.io\n`,
        );
        expect(readdirSync(registries())).toEqual(['010-corp.conf', 'ecr-bootstrap-quay.io.conf']);
        expect(readdirSync(path('crio/crio.conf.d'))).toEqual(['10-login.conf']);
      });

      it('writes nothing from a mirror file without a valid location or login', async () => {
        setSecret({
          'docker.io': mirrorOf('docker.io').replace('/shop/', '/shop"/'),
          'gcr.io': `${header}\nAuthorization = "Basic b25l"\n`,
          'ghcr.io': mirrorOf('ghcr.io', 'b"x'),
          'quay.io': mirrorOf('quay.io'),
        });
        await runOnCrio('write');
        expect(readdirSync(registries())).toEqual(['ecr-bootstrap-quay.io.conf']);
        expect(login()).toEqual(loginOf(['quay.io']));
        expect((await runOnCrio('check')).stdout).toBe(
          ['docker.io', 'gcr.io', 'ghcr.io']
            .map((host) => `the Secret node-access has no valid file for ${host}`)
            .join('; ') + '\n',
        );
      });

      it('keeps the login while the Secret has no valid file', async () => {
        await runOnCrio('write');
        setSecret({ 'docker.io': 'x' });
        await runOnCrio('write');
        expect(login()).toEqual(loginOf(hosts));
      });

      it('leaves no temporary file in the folders that CRI-O reads when it is killed', async () => {
        const killed = await runScript({
          ...onCrio('write'),
          // During the write of the settings, which follows that of the login.
          script: `cat() { if [ -e "${loginFile()}" ]; then head -c 20; kill -9 0; else command cat; fi; }\n${onCrio('write').script}`,
        });
        expect(killed.status).toBeNull();
        expect(readdirSync(path('crio/crio.conf.d'))).toEqual([]);
        await runOnCrio('write');
        expect(readdirSync(path('crio'))).toEqual(['crio.conf.d', 'ecr-bootstrap-auth.json']);
        expect(readdirSync(path('crio/crio.conf.d'))).toEqual(['ecr-bootstrap.conf']);
      });

      it('removes its files and leaves those of other programs and projects', async () => {
        mkdirSync(path('crio/crio.conf.d'));
        mkdirSync(registries());
        writeFileSync(path('crio/crio.conf.d/10-crio.conf'), '[crio.image]\n');
        writeFileSync(registryFile('ghcr.io'), '# managed by ecr-bootstrap shop-2\n');
        const before = [treeOf(path('crio')), treeOf(path('containers'))];
        await runOnCrio('write');
        expect(treeOf(path('crio'))).not.toEqual(before[0]);
        expect(await runOnCrio('remove')).toEqual({ status: 0, stdout: '', stderr: '' });
        expect([treeOf(path('crio')), treeOf(path('containers'))]).toEqual(before);
      });
    });

    describe.skipIf(!canMount)('on a disk of its own, which needs a mount namespace', () => {
      /** Starts the agent with a disk in place of the folder of containerd. `before` runs on the disk before the agent. */
      const onDisk = (mode: string, options: string, before = ''): StartedScript => {
        const { env, ...rest } = request(mode, `mount -t tmpfs -o ${options} none "$CONTAINERD"\n${before}`);
        const started = startScript({
          ...rest,
          shell: ['unshare', '--map-root-user', '--mount', ...shell],
          env: { ...env, INTERVAL: '0.05' },
        });
        running.push(started);
        return started;
      };
      /** The folder with the files as the agent sees it. */
      const seenBy = ({ process: { pid } }: StartedScript): string =>
        join(`/proc/${pid}/root`, containerd, 'certs.d');
      const fill = (path: string): void => {
        const bytes = Buffer.alloc(4096);
        const file = openSync(path, 'w');
        expect(() => {
          for (let count = 0; count < 1000; count += 1) writeSync(file, bytes);
        }).toThrow('ENOSPC');
        closeSync(file);
      };
      const fullDisk = (): RegExp =>
        new RegExp(`^could not write ${hostsFile('docker.io')}: No space left on device; `);

      it('keeps every old file whole while the disk is full, says so, and continues when it is not', async () => {
        const script = onDisk('watch', 'size=64k');
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        const certs = seenBy(script);
        const file = join(certs, 'docker.io/hosts.toml');
        fill(join(certs, 'filler'));
        setSecret({ 'docker.io': mirrorFile('two'), 'quay.io': mirrorFile('two', 'quay.io') });
        await eventually(() => expect(lastLine(script)).toMatch(fullDisk()));
        for (let count = 0; count < 20; count += 1) {
          expect(readFileSync(file, 'utf8')).toBe(mirrorFile('one'));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        rmSync(join(certs, 'filler'));
        await eventually(() => expect(lastLine(script)).toEqual(ready));
        expect(readFileSync(file, 'utf8')).toBe(mirrorFile('two'));
        expect(readdirSync(join(certs, 'docker.io'))).toEqual(['hosts.toml']);
      });

      it('leaves no file at all when the disk is full from the start, not even an empty one', async () => {
        const filled =
          'mkdir -p "$CONTAINERD/certs.d/docker.io"; cat /dev/zero >"$CONTAINERD/filler" 2>/dev/null\n';
        const script = onDisk('watch', 'size=64k', filled);
        await eventually(() => expect(lastLine(script)).toMatch(fullDisk()));
        await eventually(() => expect(readdirSync(join(seenBy(script), 'docker.io'))).toEqual([]));
      });

      it('says that the disk is full when it has no inode left', async () => {
        // The root, certs.d and one of its folders.
        const script = onDisk('watch', 'nr_inodes=3');
        await eventually(() => expect(lastLine(script)).toMatch(fullDisk()));
        expect(lastLine(script)).toContain(`${hostsFile('docker.io')} is missing`);
      });

      it('says that the disk is read-only', async () => {
        const { result } = onDisk('write', 'size=64k', 'mount -o remount,ro "$CONTAINERD"\n');
        expect(await result).toMatchObject({
          status: 1,
          stdout: ['docker.io', 'quay.io']
            .map((host) => `could not write ${hostsFile(host)}: Read-only file system\n`)
            .join(''),
        });
      });
    });

    it('refuses to run without a project or a mode', async () => {
      expect((await run('')).stderr).toBe('usage: node-access write|watch|check|remove\n');
      const { status, stderr } = await runScript({ ...request('write', ''), env: {} });
      expect(status).not.toBe(0);
      expect(stderr).toContain('PROJECT');
    });
  });
