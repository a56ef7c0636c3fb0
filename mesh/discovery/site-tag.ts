import { digestOf, hexOf } from '../../core/index.ts';

/** Hexadecimal digits of the site's digest in the tag: a DNS label holds 63 characters. */
const TAG_DIGITS = 16;

/** The mDNS service of one site, so that two sites on one network do not mix. */
export function siteTag(site: string): string {
  return `_floormesh-${hexOf(digestOf(site)).slice(0, TAG_DIGITS)}._udp.local`;
}
