const NAME = /^[a-z][a-z0-9-]{0,63}$/;

/**
 * The protocol id of a request name.
 *
 * @throws {TypeError} for a name that is not lower-case letters, digits and dashes
 */
export function protocolOf(name: string): string {
  if (!NAME.test(name)) throw new TypeError(`not a request name: ${name}`);
  return `/floormesh/${name}/1.0.0`;
}
