import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from '../process.ts';

/** A certificate and its private key, as PEM files. */
export interface KeyPairFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A private certificate authority that exists as long as the lab. */
export class Authority {
  readonly certificate: string;
  readonly #folder: string;
  readonly #log: string;

  private constructor(folder: string, log: string) {
    this.#folder = folder;
    this.#log = log;
    this.certificate = join(folder, 'ca.crt');
  }

  static async create(folder: string, name: string, log: string): Promise<Authority> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const authority = new Authority(folder, log);
    const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
    await authority.#request('ca', name, extensions, []);
    return authority;
  }

  /** Issues a certificate for a server. @param names in openssl's notation: `DNS:host` or `IP:address` */
  async issueServer(file: string, names: readonly string[]): Promise<KeyPairFiles> {
    const extensions = ['extendedKeyUsage=serverAuth', `subjectAltName=${names.join(',')}`];
    const signer = ['-CA', this.certificate, '-CAkey', join(this.#folder, 'ca.key')];
    return this.#request(file, file, extensions, signer);
  }

  async #request(file: string, name: string, extensions: readonly string[], signer: readonly string[]) {
    const pair = { certificate: join(this.#folder, `${file}.crt`), key: join(this.#folder, `${file}.key`) };
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const output = ['-keyout', pair.key, '-out', pair.certificate, '-days', '7', '-subj', `/CN=${name}`];
    // Without its own configuration, openssl adds the system's extensions, which contradict the requested ones.
    const config = join(this.#folder, 'openssl.cnf');
    await writeFile(config, '[req]\ndistinguished_name = name\n[name]\n');
    const extra = extensions.flatMap((extension) => ['-addext', extension]);
    const args = ['req', '-x509', '-config', config, ...curve, ...signer, ...output, ...extra];
    await run('openssl', args, { log: this.#log });
    return pair;
  }
}
