import type { ECRClient } from '@aws-sdk/client-ecr';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** The result of a command. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The fields of a Kubernetes object that scenarios use. */
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

/** Access to the cluster with all permissions. Resources are named as kubectl accepts them. */
export interface ClusterClient {
  /** Undefined when the object does not exist. */
  get<T extends KubeObject>(resource: string, name: string, namespace?: string): Promise<T | undefined>;
  /** Lists all namespaces unless one is given. */
  list<T extends KubeObject>(resource: string, namespace?: string): Promise<readonly T[]>;
  apply(...objects: object[]): Promise<void>;
  /** The warnings that `kubectl apply` shows for the object, in a dry run. */
  warnings(object: object): Promise<readonly string[]>;
  /** Applies a kustomization.yaml as `kubectl apply -k` does. */
  applyKustomization(kustomization: object): Promise<void>;
  /** Updates the whole object, as `kubectl replace` does. */
  replace(object: object): Promise<void>;
  /** Applies a JSON patch. */
  patch(
    resource: string,
    name: string,
    namespace: string | undefined,
    operations: readonly object[],
  ): Promise<void>;
  /** Deletes the object if it exists, and waits until it is gone. */
  remove(resource: string, name: string, namespace?: string): Promise<void>;
}

/**
 * How a node's containerd reads `hosts.toml` files: its own default; one folder; pulls by the CRI plugin
 * instead of the transfer service; or another folder, so that it ignores the files.
 */
export type ContainerdVariant = 'default' | 'one config_path' | 'local pull' | 'other config_path';

/** What an administrator with a shell on a node can do. */
export interface NodeShell {
  /** As in the Kubernetes API. */
  readonly name: string;
  /** The text of every file and the target of every link below `/etc/containerd`, by absolute path. */
  files(): Promise<Readonly<Record<string, string>>>;
  /** Writes a file below `/etc/containerd` as another program on the node does, and creates its folders. */
  writeFile(path: string, text: string): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Removes all images, the pause image too. Running containers keep running. */
  removeImages(): Promise<void>;
  /** Removes the manifests of the static pods, and waits until they are gone. @returns a function that restores them */
  stopStaticPods(): Promise<() => Promise<void>>;
  /** Whether containerd reads `/etc/containerd/certs.d` when it pulls. The default is containerd's own. */
  setReadsMirrors(yes: boolean): Promise<void>;
  /** Starts containerd again with another configuration. Needs the capability `node shell`. */
  configureContainerd(variant: ContainerdVariant): Promise<void>;
  /** Kills the process of the node agent with SIGKILL. The kubelet starts its container again. */
  killAgent(): Promise<void>;
  /** Stops the process of the node agent, as SIGSTOP does. @returns a function that continues it */
  suspendAgent(): Promise<() => Promise<void>>;
  /** Runs a POSIX shell script as root. Needs the capability `node shell`. */
  runScript(script: string, input?: string): Promise<CommandResult>;
}

/** A machine with a container runtime and without images, which can join the cluster. */
export interface NewNode extends NodeShell {
  /** Starts the kubelet, as `kubeadm join` does. */
  join(): Promise<void>;
  /** Switches the machine off, and removes its node from the cluster. */
  remove(): Promise<void>;
}

/** A request that a node or one of its pods sent to AWS. */
export interface NodeRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  /** Whether the request contains a token of the registry, in any header or in its URL. */
  readonly hasToken: boolean;
}

/** AWS clients of one identity. */
export interface AwsClients {
  readonly ecr: ECRClient;
  readonly iam: IAMClient;
  readonly secrets: SecretsManagerClient;
}

export interface AwsKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The digests that identify an image. */
export interface ImageDigests {
  /** The digest of the manifest or index that the reference points to. */
  readonly digest: string;
  /** The digest of the manifest of each platform; empty when the reference points to no index. */
  readonly platforms: Readonly<Record<string, string>>;
  /**
   * The digest of the image config for the cluster's platform. It identifies the content, whatever the
   * compression.
   */
  readonly config: string;
}

/** A request to AWS: its service, its action, and the resource as the request names it. */
export interface AwsRequest {
  readonly service: string;
  readonly operation: string;
  readonly resource: string;
}

/**
 * What only some worlds can do: serve MutatingAdmissionPolicy, let ecr-bootstrap install the operator, kill
 * ecr-bootstrap with SIGKILL, restart the API server, run other tools (skopeo, a Docker engine), list the DNS names that
 * were requested and the requests of nodes, run scripts on nodes, switch machines on and off, and use one world for all
 * scenarios.
 */
export type Capability =
  | 'serve admission policies'
  | 'install the operator'
  | 'kill'
  | 'restart the API server'
  | 'other tools'
  | 'DNS log'
  | 'request log'
  | 'node shell'
  | 'machines'
  | 'shared world';

/** What scenarios run in: an AWS account, a cluster and a laptop. One implementation is a sandbox, the other is the lab. */
export interface World {
  readonly name: 'sandbox' | 'lab';
  /** The host of the private registry. */
  readonly registry: string;
  readonly project: string;
  readonly cluster: ClusterClient;
  readonly nodes: readonly NodeShell[];
  readonly aws: AwsClients;
  /** AWS clients of another identity. */
  awsAs(key: AwsKey): AwsClients;
  /** Sends a request from the laptop without following redirects. @returns the status of the response */
  sendRequest(
    method: string,
    url: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<number>;
  /** Runs ecr-bootstrap as a user at the laptop does. */
  run(...args: readonly string[]): Promise<CommandResult>;
  /** Runs ecr-bootstrap with an AWS identity other than the administrator's. */
  runAs(key: AwsKey, ...args: readonly string[]): Promise<CommandResult>;
  /** Runs ecr-bootstrap with the same working folder, on a machine that reaches neither AWS nor the cluster. */
  runOutside(...args: readonly string[]): Promise<CommandResult>;
  /** Starts ecr-bootstrap, and kills it with SIGKILL after this time unless it has ended. */
  runAndKill(afterMs: number, ...args: readonly string[]): Promise<void>;
  /** Starts ecr-bootstrap, and kills it with SIGKILL when it has sent this request. AWS does not answer the request. */
  runAndKillAt(request: AwsRequest, ...args: readonly string[]): Promise<void>;
  /**
   * Resets the account to its administrator only, and removes ecr-bootstrap's objects from the cluster, on request
   * except the operator. Workloads stay as they are.
   */
  reset(options?: { readonly keepOperator?: boolean }): Promise<void>;
  /**
   * Describes the account for comparisons, one line per resource. Values and IDs that differ between runs are left
   * out.
   */
  describeAccount(): Promise<readonly string[]>;
  /** Everything that ecr-bootstrap has printed so far, in all scenarios. */
  printed(): Promise<string>;
  /** Every secret of this world, past and present. */
  secrets(): Promise<readonly string[]>;
  /** Writes ecr-bootstrap's configuration file: the project and region, and these settings. */
  configure(settings: object): Promise<void>;
  /** Writes a file in the working folder of ecr-bootstrap. */
  writeFile(name: string, text: string): Promise<void>;
  /**
   * Creates a pod and returns how its start ended: `Running`, or the reason and message of the container runtime.
   * @param spec what to add to the pod's spec
   */
  startPod(namespace: string, name: string, image: string, spec?: object): Promise<string>;
  /** Reads the digests of an image with skopeo, from a source registry or from the private one. */
  readDigests(image: string): Promise<ImageDigests>;
  /** Copies an image into the private registry with skopeo. */
  copyImage(source: string, destination: string): Promise<void>;
  /** Sets the lifetime of the registry's new tokens in seconds. */
  setTokenLifetime(seconds: number): Promise<void>;
  /** Makes AWS and its registry answer every request with an error. @returns a function that ends this */
  breakAws(): Promise<() => Promise<void>>;
  /** Makes every public registry unreachable. Nodes never reach them. @returns a function that ends this */
  breakInternet(): Promise<() => Promise<void>>;
  /** Deletes all images from the node except the pause image. */
  removeNodeImages(): Promise<void>;
  /** The DNS names that the node and its pods have looked up so far, in order. */
  requestedNames(): Promise<readonly string[]>;
  /** The requests that nodes and their pods have sent to AWS so far, in order. */
  nodeRequests(): Promise<readonly NodeRequest[]>;
  /**
   * Switches the cluster's only machine off, with the control plane.
   * @returns a function that switches it on again. The API server follows when the static pods of the control plane run.
   */
  switchOff(): Promise<() => Promise<void>>;
  /** Starts a machine that can join the cluster. */
  addMachine(): Promise<NewNode>;
  /** Restarts the API server with or without MutatingAdmissionPolicy. */
  serveAdmissionPolicies(yes: boolean): Promise<void>;
  /** Starts another cluster without workloads, for the same account and laptop. */
  startSecondCluster(): Promise<World>;
  stopSecondCluster(): Promise<void>;
  /** Milliseconds since the epoch, on this world's clock. */
  now(): number;
  /** The sandbox moves its clock; the lab waits. */
  advanceTime(seconds: number): Promise<void>;
}
