import { Crio, type RemoteImage } from './crio.ts';
import { hostsOf, type MirrorHost } from './hosts-file.ts';
import type { Draft, KubeObject } from './objects.ts';
import { parseReference, type Reference } from './references.ts';

/** The roots of the files that the sandbox keeps for each node. */
const roots = ['/etc/containerd', '/etc/containers', '/etc/crio'] as const;
const certsFolder = `${roots[0]}/certs.d`;
/** Where containerd 2.2 to 2.4 looks by default: it takes a list of two folders for one path (containerd#12808). */
export const defaultFolder = `${certsFolder}:/etc/docker/certs.d`;

/** The image of the sandbox of every pod, as containerd 2.2 names it by default. */
export const pauseImage = 'registry.k8s.io/pause:3.10.1';

/** An image in the store of a container runtime, and which pods may use it without a pull. */
export interface StoredImage {
  readonly reference: Reference;
  readonly digest: string;
  readonly sizeBytes: number;
  /** Whether every pod may use it: it was there before the kubelet, or was pulled without credentials. */
  readonly open: boolean;
  /** The UIDs of the pull secrets that it was pulled with. */
  readonly secrets: ReadonlySet<string>;
}

interface StaticPod {
  readonly manifest: Draft;
  /** Of the running pod. It outlives the object in the API. */
  readonly status: unknown;
}

/** A node below the API: its files, its container runtime's images, and the static pods of its kubelet. */
export class NodeMachine {
  readonly name: string;
  /**
   * Whether containerd reads {@link certsFolder}. Undefined for containerd's default configuration: before 2.2 it reads
   * no such files, later only through the link at {@link defaultFolder}.
   */
  readsMirrors: boolean | undefined;
  /** Whether the file system of the container runtime's configuration refuses writes. */
  readOnly = false;
  /** Whether the process of the node agent is stopped, as by SIGSTOP. */
  agentSuspended = false;
  /** Set by {@link killAgent} until the kubelet starts the container again. */
  agentKilled = false;
  #files = new Map<string, string>();
  #links = new Map<string, string>();
  #images: StoredImage[] = [];
  #staticPods: StaticPod[] = [];
  #stoppedPods: StaticPod[] = [];
  /** Used by nodes whose runtime it is. */
  readonly #crio = new Crio();
  readonly #changed: () => void;

  /** @param changed called after each change that the kubelet has to notice */
  constructor(name: string, changed: () => void) {
    this.name = name;
    this.#changed = changed;
  }

  /** The text of every file and the target of every link, by path. */
  get files(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#files, ...this.#links].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Undefined when there is no file. */
  readFile(path: string): string | undefined {
    return this.#files.get(path);
  }

  isLink(path: string): boolean {
    return this.#links.has(path);
  }

  /** @throws Error when the path is outside the root, or the file system is read-only */
  writeFile(path: string, text: string): void {
    this.#requireWritable(path);
    if (this.#files.get(path) === text) return;
    this.#links.delete(path);
    this.#files.set(path, text);
    this.#crio.changed(path, this.files);
    this.#changed();
  }

  /** @throws Error like {@link writeFile} */
  link(path: string, target: string): void {
    this.#requireWritable(path);
    if (this.#links.get(path) === target) return;
    this.#links.set(path, target);
    this.#changed();
  }

  /** Removes a file or link, if it exists. @throws Error like {@link writeFile} */
  removeFile(path: string): void {
    this.#requireWritable(path);
    const [file, link] = [this.#files.delete(path), this.#links.delete(path)];
    this.#crio.changed(path, this.files);
    if (file || link) this.#changed();
  }

  /** Starts a new process of CRI-O. Containers continue. @throws Error when its configuration is not valid */
  restartCrio(): void {
    this.#crio.start(this.files);
    this.#changed();
  }

  /** Where CRI-O pulls an image from; undefined if it asks the upstream host. */
  locateOnCrio(reference: Reference): RemoteImage | undefined {
    return this.#crio.locate(reference, this.files);
  }

  #requireWritable(path: string): void {
    if (!roots.some((root) => path.startsWith(`${root}/`)))
      throw new Error(`the sandbox keeps only files below ${roots.join(', ')}: ${path}`);
    if (this.readOnly) throw new Error(`${path}: Read-only file system`);
  }

  setReadsMirrors(yes: boolean | undefined): void {
    this.readsMirrors = yes;
    this.#changed();
  }

  /**
   * The mirrors of an upstream host in the order in which containerd tries them. Undefined when it asks the upstream
   * host: without a file, and also when the file is invalid.
   * @param runtime as in `nodeInfo.containerRuntimeVersion`
   */
  mirrorsOf(host: string, runtime: string): readonly MirrorHost[] | undefined {
    const text = this.#reads(runtime) ? this.#files.get(`${certsFolder}/${host}/hosts.toml`) : undefined;
    return text === undefined ? undefined : hostsOf(text);
  }

  #reads(runtime: string): boolean {
    const [, major, minor] = /^containerd:\/\/(\d+)\.(\d+)/.exec(runtime) ?? [];
    if (major === undefined || this.readsMirrors === false) return false;
    if (this.readsMirrors === true) return true;
    const hasDefault = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 2);
    return hasDefault && this.#links.get(defaultFolder) === certsFolder;
  }

  get images(): readonly StoredImage[] {
    return this.#images;
  }

  findImage({ name, digest }: Reference): StoredImage | undefined {
    return this.#images.find(
      ({ reference, digest: own }) =>
        reference.name === name || (own === digest && reference.repository === repositoryOf(name)),
    );
  }

  addImage(image: StoredImage): void {
    const others = this.#images.filter(({ reference }) => reference.name !== image.reference.name);
    this.#images = [...others, image];
  }

  /** Removes every image that matches, by default all of them. Running containers keep running. */
  removeImages(matches: (image: StoredImage) => boolean = () => true): void {
    this.#images = this.#images.filter((image) => !matches(image));
    this.#changed();
  }

  findPause(): StoredImage | undefined {
    return this.findImage(parseReference(pauseImage));
  }

  get staticPods(): readonly StaticPod[] {
    return this.#staticPods;
  }

  addStaticPod(manifest: Draft): void {
    this.#staticPods = [...this.#staticPods, { manifest, status: undefined }];
  }

  /** Keeps the status of a pod if it is a static pod. */
  keepStatus(name: string, status: unknown): void {
    this.#staticPods = this.#staticPods.map((pod) =>
      pod.manifest.metadata.name === name ? { ...pod, status } : pod,
    );
  }

  /** Removes the manifests of the static pods, which ends the pods. @returns a function that restores the manifests */
  stopStaticPods(): () => void {
    const stopped = this.#staticPods.map((pod) => ({ ...pod, status: undefined }));
    this.#staticPods = [];
    this.#stoppedPods = stopped;
    this.#changed();
    return () => {
      this.#staticPods = stopped;
      this.#changed();
    };
  }

  /** The static pods that were stopped since the last call. */
  takeStoppedPods(): { name: string; namespace: string | undefined }[] {
    const stopped = this.#stoppedPods;
    this.#stoppedPods = [];
    return stopped.map(({ manifest: { metadata } }) => ({
      name: metadata.name ?? '',
      namespace: metadata.namespace,
    }));
  }

  killAgent(): void {
    this.agentKilled = true;
    this.agentSuspended = false;
    this.#changed();
  }

  /** @returns a function that continues the agent */
  suspendAgent(): () => void {
    this.agentSuspended = true;
    return () => {
      this.agentSuspended = false;
      this.#changed();
    };
  }

  /** @returns a function that restores files, images and static pods */
  save(): () => void {
    const [files, links] = [new Map(this.#files), new Map(this.#links)];
    const [images, staticPods] = [this.#images, this.#staticPods];
    const { readsMirrors, readOnly } = this;
    const restoreCrio = this.#crio.save();
    return () => {
      restoreCrio();
      this.#files = new Map(files);
      this.#links = new Map(links);
      this.#images = images;
      this.#staticPods = staticPods;
      Object.assign(this, { readsMirrors, readOnly, agentSuspended: false, agentKilled: false });
    };
  }
}

const repositoryOf = (name: string): string => name.replace(/@.*$/, '');

/** The fields of a Node that the sandbox uses. */
export interface Node extends KubeObject {
  spec?: { taints?: Taint[]; unschedulable?: boolean };
  status?: {
    nodeInfo?: {
      architecture?: string;
      operatingSystem?: string;
      kubeletVersion?: string;
      containerRuntimeVersion?: string;
    };
    conditions?: { type: string; status: string }[];
    images?: { names?: string[]; sizeBytes?: number }[];
  };
}

export interface Taint {
  key: string;
  value?: string;
  effect: string;
}

/** Whether the container runtime of a node is CRI-O. */
export const isCrio = ({ status }: Node): boolean =>
  status?.nodeInfo?.containerRuntimeVersion?.startsWith('cri-o://') ?? false;

/** Whether the kubelet of a node reports. The pods of a node without one neither start nor stop. */
export const isNodeReady = ({ status }: Node): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
