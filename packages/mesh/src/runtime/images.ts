// What stands in for container images here: an image names a default program, absolute commands of the image map to
// programs, and some programs have a part in the mesh that the runtime must know of.

export interface ImageEntry {
  /** Program and arguments when a container names no command. */
  readonly entrypoint?: readonly string[];
  /** Absolute paths inside the image → program names. */
  readonly commands?: Readonly<Record<string, string>>;
}

/**
 * `proxy`: understands an address book and sees virtual addresses only. `redirect`: programs the network namespace; it does
 * not apply where there is none.
 */
export type ProgramRole = 'proxy' | 'redirect' | 'application';

export interface ImageCatalogue {
  /** Image name without tag and digest → entry. Images that are not listed need a `command` in the pod. */
  readonly images: Readonly<Record<string, ImageEntry>>;
  /** Program name → role; `application` when not listed. */
  readonly roles?: Readonly<Record<string, ProgramRole>>;
}

export interface Entrypoint {
  readonly argv: readonly string[];
  readonly role: ProgramRole;
}

/** `registry:5000/name:tag@sha256:…` → `registry:5000/name`. */
export function imageName(image: string): string {
  const noDigest = image.split('@')[0] ?? image;
  const colon = noDigest.lastIndexOf(':');
  return colon > noDigest.lastIndexOf('/') ? noDigest.slice(0, colon) : noDigest;
}

/** What a container runs: Kubernetes' rule for command and args over the image's entry point. `undefined`: nothing is known. */
export function entrypointOf(
  catalogue: ImageCatalogue,
  container: { readonly image?: string | undefined; readonly command?: readonly string[] | undefined; readonly args?: readonly string[] | undefined },
): Entrypoint | undefined {
  const entry = container.image === undefined ? undefined : catalogue.images[imageName(container.image)];
  const command = container.command && container.command.length > 0 ? container.command : (entry?.entrypoint ?? []);
  const [program, ...rest] = command;
  if (program === undefined) return undefined;
  const name = entry?.commands?.[program] ?? program;
  return { argv: [name, ...rest, ...(container.args ?? [])], role: catalogue.roles?.[name] ?? 'application' };
}

/** The images of a mesh that runs on Weft's own programs under Linkerd's image names. */
export const meshImages: ImageCatalogue = {
  images: {
    'cr.l5d.io/linkerd/proxy': {
      entrypoint: ['weft-proxy'],
      commands: { '/usr/lib/linkerd/linkerd2-proxy-init': 'weft-init', '/usr/lib/linkerd/linkerd-await': 'weft-await' },
    },
    'cr.l5d.io/linkerd/proxy-init': { entrypoint: ['weft-init'] },
  },
  roles: { 'weft-proxy': 'proxy', 'weft-init': 'redirect' },
};
