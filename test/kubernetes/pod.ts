import type { Kubectl } from './controlPlane.js';

/** A pod, as far as ours use what a pod can have. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number; readonly fsGroup: number };
    readonly containers: readonly Container[];
    readonly volumes: readonly Volume[];
  };
  readonly status?: { readonly phase?: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly secret?: { readonly secretName: string };
  readonly configMap?: { readonly name: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
}

/** The container's environment. */
export function environmentOf({ metadata }: Pod, { env = [] }: Container): Record<string, string> {
  const field = (path: string): string => {
    const [, map, key] = /^metadata\.(annotations|labels)\['(.+)'\]$/.exec(path) ?? [];
    if (map === 'annotations' || map === 'labels') return metadata[map]?.[key ?? ''] ?? '';
    if (path === 'metadata.uid') return metadata.uid;
    throw new RangeError(`the stand-in for a kubelet does not know ${path}`);
  };
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [name, valueFrom ? field(valueFrom.fieldRef.fieldPath) : (value ?? '')]),
  );
}

/** The container's command line: $(NAME) stands for a variable of its environment. */
export function argumentsOf({ args }: Container, environment: Readonly<Record<string, string>>): string[] {
  return args.map((word) => word.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => environment[name] ?? whole));
}

/** The files of a secret or a config map, by name. */
export async function filesOf({ secret, configMap }: Volume, kubectl: Kubectl): Promise<Record<string, Buffer>> {
  const kind = secret ? ['secret', secret.secretName] : ['configmap', configMap?.name ?? ''];
  const { data = {} }: { data?: Record<string, string> } = JSON.parse(await kubectl(['get', ...kind, '-o', 'json']));
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text, secret ? 'base64' : 'utf8')]));
}
