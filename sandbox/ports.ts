/** What the sandbox's two halves know of each other: the cluster asks AWS and the registry only through this. */

export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An access key, or temporary credentials with their token. */
export type SigningKey = KeyPair & { readonly sessionToken?: string };

/** A refusal in AWS's words, for example code `UnrecognizedClientException`. */
export class AwsRefusal extends Error {
  readonly code: string;
  /** What AWS says, without the code. */
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

/** The AWS calls that the operator in the cluster makes. Policies are evaluated; every method throws {@link AwsRefusal}. */
export interface AwsForCluster {
  getSecretValue(caller: SigningKey, region: string, secretId: string): Promise<string>;
  getAuthorizationToken(
    caller: SigningKey,
    region: string,
  ): Promise<{ authorizationToken: string; expiresAt: number; proxyEndpoint: string }>;
}

/** Why a kubelet could not pull an image, in containerd's terms. */
export type PullResult = 'pulled' | 'unauthorized' | 'not-found' | 'no-matching-platform' | 'no-route';

/** What a node's container runtime reaches: the private registry only, as in an air-gapped network. */
export interface ImageSource {
  /** @param dockerConfigs the `.dockerconfigjson` of each pull secret, decoded. */
  pull(image: string, platform: string, dockerConfigs: readonly string[]): Promise<PullResult>;
}
