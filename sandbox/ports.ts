/** The interface between the two halves of the sandbox: the cluster calls AWS and the registry only through it. */

export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An access key, or temporary credentials with their token. */
export type SigningKey = KeyPair & { readonly sessionToken?: string };

/** An error of AWS, for example with code `UnrecognizedClientException`. */
export class AwsRefusal extends Error {
  readonly code: string;
  /** The message of AWS, without the code. */
  readonly reason: string;
  /** HTTP status. */
  readonly status: number;

  constructor(code: string, reason: string, status = 400) {
    super(`${code}: ${reason}`);
    this.code = code;
    this.reason = reason;
    this.status = status;
  }
}

/** The AWS calls of the operator in the cluster. Policies apply. Every method throws {@link AwsRefusal}. */
export interface AwsForCluster {
  getSecretValue(caller: SigningKey, region: string, secretId: string): Promise<string>;
  getAuthorizationToken(
    caller: SigningKey,
    region: string,
  ): Promise<{ authorizationToken: string; expiresAt: number; proxyEndpoint: string }>;
}

/** The result of an image pull, in the terms of containerd. */
export type PullResult = 'pulled' | 'unauthorized' | 'not-found' | 'no-matching-platform' | 'no-route';

/** What a node reports of an image. */
export interface ImageDescription {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** The registries that the container runtime of a node reaches: as in an air-gapped network, only the private one. */
export interface ImageSource {
  /** @param dockerConfigs the decoded `.dockerconfigjson` of each pull secret */
  pull(image: string, platform: string, dockerConfigs: readonly string[]): Promise<PullResult>;
  /**
   * Pulls with one `Authorization` header, as from a mirror.
   * @param image the reference at the host of the mirror
   * @returns the HTTP status of a refusal, unless it has another reason
   */
  pullWithHeader(
    image: string,
    platform: string,
    authorization: string | undefined,
  ): Promise<'pulled' | 'no-matching-platform' | 'no-route' | number>;
  /** Looks up an image in the private registry or in a public one, without any request. */
  describe(image: string): ImageDescription | undefined;
}
