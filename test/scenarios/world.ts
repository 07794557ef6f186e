import type { ECRClient } from '@aws-sdk/client-ecr';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** How a command ended. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Kubernetes object as far as scenarios look at it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
}

/** The hands of somebody with all rights in the cluster. Resources are named as kubectl takes them. */
export interface ClusterHands {
  /** Undefined where there is no such object. */
  get<T extends KubeObject>(resource: string, name: string, namespace?: string): Promise<T | undefined>;
  /** In all namespaces unless one is named. */
  list<T extends KubeObject>(resource: string, namespace?: string): Promise<readonly T[]>;
  apply(...objects: object[]): Promise<void>;
  /** What `kubectl apply -k` makes of a kustomization.yaml. */
  applyKustomization(kustomization: object): Promise<void>;
  /** A plain update of the whole object, as `kubectl replace` sends it. */
  replace(object: object): Promise<void>;
  /** A JSON patch. */
  patch(
    resource: string,
    name: string,
    namespace: string | undefined,
    operations: readonly object[],
  ): Promise<void>;
  /** Waits until the object is gone; one that is not there is fine. */
  remove(resource: string, name: string, namespace?: string): Promise<void>;
}

/** AWS as one identity uses it: the account's administrator unless told otherwise. */
export interface AwsHands {
  readonly ecr: ECRClient;
  readonly iam: IAMClient;
  readonly secrets: SecretsManagerClient;
}

export interface AwsKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What an image is made of, by digests. */
export interface Look {
  /** Of the manifest or index that the reference names. */
  readonly digest: string;
  /** Of the manifest for this platform, by platform; empty where the reference names no index. */
  readonly platforms: Readonly<Record<string, string>>;
  /** Of the configuration for the cluster's platform, which tells the content whatever the compression. */
  readonly config: string;
}

/** A request to AWS: its service, its action, and what it is about as the request names it. */
export interface AwsRequest {
  readonly service: string;
  readonly operation: string;
  readonly resource: string;
}

/**
 * What not every world can do: end the product by SIGKILL, start the API server again, run tools beside the product
 * (skopeo, a Docker engine), tell which names were asked for, be the same one for all scenarios.
 */
export type Capability = 'kill' | 'restart the API server' | 'other tools' | 'DNS log' | 'one for all';

/** What scenarios happen in: an account, a cluster and a laptop. The sandbox is one, the lab of real parts another. */
export interface World {
  readonly name: 'sandbox' | 'lab';
  /** Host of the private registry. */
  readonly registry: string;
  readonly project: string;
  readonly cluster: ClusterHands;
  readonly aws: AwsHands;
  /** The hands of somebody else. */
  awsAs(key: AwsKey): AwsHands;
  /** Sends a request from the laptop, redirects not followed, and gives the answer's status. */
  ask(method: string, url: string, headers: Readonly<Record<string, string>>, body?: string): Promise<number>;
  /** Runs the product as a user at the laptop does. */
  run(...args: readonly string[]): Promise<Run>;
  /** The same with another AWS identity than the administrator's. */
  runAs(key: AwsKey, ...args: readonly string[]): Promise<Run>;
  /** Starts the product and ends it by SIGKILL after so many milliseconds, unless it ends before. */
  runAndKill(after: number, ...args: readonly string[]): Promise<void>;
  /** Starts the product and ends it by SIGKILL when it has sent this request, which AWS leaves without an answer. */
  runAndKillAt(request: AwsRequest, ...args: readonly string[]): Promise<void>;
  /**
   * An account that is empty but for its administrator, and a cluster in which nothing of ours is left but, if asked
   * for, the operator. Workloads stay as they are.
   */
  startOver(options?: { readonly keepOperator?: boolean }): Promise<void>;
  /**
   * What there is in the account, one line for each thing with all that tells it from what it should be. Values, and
   * ids that differ from run to run, are left out.
   */
  account(): Promise<readonly string[]>;
  /** All that the product has printed so far, in all scenarios. */
  printed(): Promise<string>;
  /** All that is secret in this world, and was at any time. */
  secrets(): Promise<readonly string[]>;
  /** Writes the product's configuration file: the project and region, and these settings. */
  configure(settings: object): Promise<void>;
  /**
   * Creates a pod and tells how its start ended: `Running`, or the runtime's reason and words.
   * @param spec what to add to the pod's spec
   */
  startPod(namespace: string, name: string, image: string, spec?: object): Promise<string>;
  /** An image as another tool than the product reads it, in a source registry or in the private one. */
  look(image: string): Promise<Look>;
  /** Copies an image into the private registry with another tool than the product. */
  copyByHand(source: string, destination: string): Promise<void>;
  /** Seconds that the registry's new tokens live. */
  setTokenLife(seconds: number): Promise<void>;
  /** From now on AWS and its registry answer every request with an error; the returned call ends that. */
  breakAws(): Promise<() => Promise<void>>;
  /** Takes every image off the node but the pause image. */
  emptyImageStore(): Promise<void>;
  /** Names that the node and its pods have asked for so far, in order. */
  namesAsked(): Promise<readonly string[]>;
  /** Starts the API server again as one that serves no MutatingAdmissionPolicy, or as one that does. */
  serveAdmissionPolicies(yes: boolean): Promise<void>;
  /** Another cluster, with no workloads, that works with the same account from the same laptop. */
  startSecondCluster(): Promise<World>;
  stopSecondCluster(): Promise<void>;
  /** Milliseconds since the epoch, in this world's time. */
  now(): number;
  /** Lets this time go by: the sandbox's clock jumps, the lab waits. */
  pass(seconds: number): Promise<void>;
}
