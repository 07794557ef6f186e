import type { TlsMaterial } from './tls.ts';

/** The address that the engine listens on. */
export interface EngineAddress {
  /** `unix://`, `tcp://`, `http(s)://` or `ssh://` */
  readonly url: string;
  /** The source of the address, for messages: `DOCKER_HOST`, `context "colima"`. */
  readonly origin: string;
  readonly tls?: TlsMaterial;
}
