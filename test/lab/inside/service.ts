import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { say } from '../process.ts';

export interface ServiceOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** The process that does the work, if the command only starts it. */
  worker?(pid: number): Promise<number>;
  /** Whether the service works. Polled until it does; an error counts as no. */
  ready?(): Promise<boolean>;
}

/** A long-running component of the lab, with its output in a log file. */
export class Service {
  readonly name: string;
  readonly log: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;

  constructor(options: ServiceOptions, logs: string) {
    this.name = options.name;
    this.log = `${logs}/${options.name}.log`;
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Starts the service and waits until it is ready.
   * @param extra additional arguments for its command
   * @param timeoutMs throws after this time
   * @throws Error with the end of its log when it ends or is not ready in time
   */
  async start(extra: readonly string[] = [], timeoutMs = 60_000): Promise<void> {
    const [program, ...args] = this.#options.command;
    const log = openSync(this.log, 'a');
    const env = { ...process.env, ...this.#options.env };
    this.#child = spawn(program, [...args, ...extra], { env, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child.on('error', (error) => appendFileSync(this.log, `${error.message}\n`));
    const deadline = performance.now() + timeoutMs;
    while (!(await this.#isReady())) {
      if (!this.running) throw await this.#failure('ended');
      if (performance.now() > deadline) throw await this.#failure('is not ready');
      await sleep(100);
    }
  }

  /** Kills the service like a power cut. An API server that may close its watches takes a minute to stop. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const ended = once(child, 'exit');
    const { pid = 0 } = child;
    process.kill((await this.#options.worker?.(pid)) ?? pid, 'SIGKILL');
    await ended;
  }

  async #isReady(): Promise<boolean> {
    if (!this.running) return false;
    try {
      return (await this.#options.ready?.()) ?? true;
    } catch {
      // A service that is not listening yet looks like any other failure. The deadline and the log distinguish
      // them.
      return false;
    }
  }

  async #failure(what: string): Promise<Error> {
    const tail = (await readFile(this.log, 'utf8')).trimEnd().split('\n').slice(-15).join('\n  ');
    return new Error(`${this.name} ${what}; the end of ${this.log}:\n  ${tail}`);
  }
}

/** The lab's services by name. */
export class Services {
  readonly #logs: string;
  readonly #all = new Map<string, Service>();

  /** @param logs the folder for their log files */
  constructor(logs: string) {
    this.#logs = logs;
  }

  /** Forgets the services of a machine that was switched off. */
  forget(names: readonly string[]): void {
    for (const name of names) this.#all.delete(name);
  }

  async start(options: ServiceOptions): Promise<void> {
    const began = performance.now();
    const service = new Service(options, this.#logs);
    this.#all.set(service.name, service);
    await service.start();
    say(`  ${service.name}: ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }

  /** @throws Error when the service does not exist */
  get(name: string): Service {
    const service = this.#all.get(name);
    if (service === undefined)
      throw new Error(`no service ${name}; there are ${[...this.#all.keys()].join(', ')}`);
    return service;
  }

  all(): readonly Service[] {
    return [...this.#all.values()];
  }
}
