import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { randomNumbers } from '../../scenarios/random.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { managedObjects } from '../../support/managed.ts';

/** Milliseconds: each runs `up` once for each of its settings. */
const slow = { timeout: 240_000 };
const changes = 3;

let cli: Cli;
afterEach(() => cli.close());

/** Random valid values of the settings about the cluster. Each setting is sometimes omitted. */
class Settings {
  readonly #numbers: Generator<number, never>;

  constructor(seed: number) {
    this.#numbers = randomNumbers(seed);
  }

  chance(): number {
    return this.#numbers.next().value;
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[Math.floor(this.chance() * values.length)] as T;
  }

  #some<T>(values: readonly T[]): T[] {
    return values.filter(() => this.chance() < 0.4);
  }

  #maybe(fields: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(fields).filter(() => this.chance() < 0.6));
  }

  next(): object {
    return {
      images: { exclude: ['registry.k8s.io/*'] },
      externalSecrets: this.#maybe({
        env: this.#maybe({ HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: '', EMPTY_LINES: 'a\n\nb' }),
        tolerations: this.#some([
          { operator: 'Exists' },
          { key: 'a.example/b', operator: 'Equal', value: 'c', effect: 'NoSchedule' },
          { key: 'd', value: '', effect: 'NoExecute', tolerationSeconds: 0 },
        ]),
        nodeSelector: this.#maybe({ 'kubernetes.io/os': 'linux' }),
        resources: this.#maybe({
          limits: this.#maybe({ cpu: this.#oneOf([1, '1000m', 0.5, '1e3']), memory: '1024Mi' }),
          requests: this.#maybe({ cpu: this.#oneOf(['100m', 0.1, '0.10']), memory: '+128Mi' }),
        }),
      }),
      pullSecret: this.#maybe({
        name: this.#oneOf(['puller', 'regcred', 'pull.secret']),
        renewEvery: this.#oneOf(['1h', '60m', '90m', '2h30m']),
        copyEvery: this.#oneOf(['10m', '600s', '1h']),
      }),
      namespaces: this.#maybe({ exclude: this.#some(['ci-*', 'monitoring', '*-public', 'absent', '-a?']) }),
      serviceAccounts: this.#maybe({
        exclude: this.#some(['monitoring/default', 'kube-*/*', 'ci-*/d?fault']),
        policy: this.#oneOf(['auto', 'off']),
      }),
    };
  }
}

async function run(command: string, settings: object, shouldBe = 0): Promise<string> {
  writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), JSON.stringify(settings));
  const { code, stdout, stderr } = await cli.run(command);
  expect(code, `${JSON.stringify(settings)}\n${stdout}${stderr}`).toBe(shouldBe);
  await cli.world.cluster.settled();
  return stdout;
}

it.each([1, 2])(
  'applies random settings one after another (seed %i): each plans nothing afterwards, and down leaves nothing',
  slow,
  async (seed) => {
    cli = await openCli({}, { fast: true, config: '{}' });
    const random = new Settings(seed);
    let settings = random.next();
    for (let change = 0; change < changes; change += 1) {
      settings = random.next();
      await run('up --yes -q', settings);
      const plan = await run('up --dry-run --exit-code', settings);
      expect(plan).toContain('Nothing would change.');
      const name = `ci-${Math.floor(random.chance() * 3)}`;
      const labels = { 'kubernetes.io/metadata.name': name };
      if (cli.world.cluster.get('Namespace', name)) cli.world.cluster.delete('Namespace', name);
      else cli.world.cluster.put({ kind: 'Namespace', metadata: { name, labels } });
      await cli.world.cluster.settled();
    }
    await run('down --yes -q', random.next());
    expect(managedObjects(cli)).toEqual([]);
    const names = cli.world.cluster
      .list('ServiceAccount')
      .flatMap((account) => (account['imagePullSecrets'] ?? []) as { name: string }[]);
    expect(names).toEqual([]);
  },
);
