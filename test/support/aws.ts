import { createAws } from '../../src/clients/aws/index.ts';
import type { AwsPort } from '../../src/clients/aws/port.ts';
import type { Clock } from '../../src/core/clock.ts';
import { configSchema, type Config } from '../../src/config/schema.ts';
import { createNet, type Net } from '../../src/clients/net/index.ts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import type { KeyPair } from '../../sandbox/ports.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Context } from '../../src/steps/context.ts';

export function configOf(settings: object = {}): Config {
  return configSchema.parse({ project: 'myproject', aws: { region: 'eu-west-1' }, ...settings });
}

/** The sandbox's account, and contexts for steps that need only AWS. */
export class AwsWorld {
  readonly sandbox: Sandbox;
  readonly net: Net;
  config: Config;
  /** The sources of the desired images besides the operator's, with their repositories. */
  wanted: readonly { source: string; repository: string }[] = [];
  /** The credentials that send requests: initially the administrator's. */
  caller: KeyPair;
  /** The request timeout in milliseconds. */
  requestTimeoutMs = 2000;

  private constructor(sandbox: Sandbox, config: Config) {
    this.sandbox = sandbox;
    this.config = config;
    this.caller = sandbox.admin;
    this.net = createNet(sandbox.caPem, { https_proxy: sandbox.proxyUrl }, (due) =>
      Math.min(due, this.requestTimeoutMs),
    );
  }

  static async start(
    settings: object = {},
    options: Parameters<typeof startSandbox>[0] = {},
  ): Promise<AwsWorld> {
    return new AwsWorld(await startSandbox(options), configOf(settings));
  }

  async close(): Promise<void> {
    await this.net.close();
    await this.sandbox.close();
  }

  /** Waiting moves the sandbox's clock immediately. */
  get clock(): Clock {
    const { clock } = this.sandbox;
    return {
      now: () => clock.now(),
      sleep: (milliseconds, signal) => {
        signal?.throwIfAborted();
        clock.advance(milliseconds);
        return Promise.resolve();
      },
    };
  }

  aws(pair: KeyPair = this.caller): AwsPort {
    const { net, config } = this;
    const anonymous = createAws({ region: config.aws.region, net });
    return anonymous.as({ accessKeyId: pair.accessKeyId, secretAccessKey: new Secret(pair.secretAccessKey) });
  }

  /** @param usesKey whether reads may log in with the stored access key, as for `up` */
  context(usesKey = true): Context {
    const aws = this.aws();
    const known: Partial<Context> = {
      config: this.config,
      clock: this.clock,
      aws,
      registryHost: aws.ecr.registryHost,
      wantedImages: () => Promise.resolve(this.#wantedImages()),
      usesKey,
      fresh: (change) => this.context(change?.usesKey ?? usesKey),
    };
    return new Proxy(known as Context, {
      get(target, name, receiver) {
        if (!(name in target)) throw new Error(`a step for AWS only must not use ctx.${String(name)}`);
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
  }

  #wantedImages() {
    const image = ({ source, repository }: { source: string; repository: string }) => ({
      source,
      repository,
      tag: source.split(':').at(-1) ?? 'latest',
      wantedBy: ['config'],
    });
    const operator = {
      source: 'ghcr.io/external-secrets/external-secrets:v0.12.1',
      repository: `${this.config.project}/external-secrets`,
    };
    return { operator: image(operator), others: this.wanted.map(image), rejected: [], refused: [] };
  }
}
