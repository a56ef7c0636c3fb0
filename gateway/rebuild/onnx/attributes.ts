import { type AttributeValue, makeAttribute, makeOpset } from './make.ts';
import type { AttributeProto, ModelProto, NodeProto, TensorProto } from './types.ts';

/** The attribute of that name, if the node has it. */
export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? fallback : Number(attribute.i);
}

export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return attributeOf(node, name)?.f ?? fallback;
}

export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? fallback : new TextDecoder().decode(attribute.s);
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints.map(Number);
}

export function floatsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.floats;
}

export function tensorAttribute(node: NodeProto, name: string): TensorProto | undefined {
  return attributeOf(node, name)?.t;
}

/** Sets an attribute in its old place, or last. */
export function setAttribute(node: NodeProto, name: string, value: AttributeValue): void {
  const made = makeAttribute(name, value);
  const at = node.attribute.findIndex((attribute) => attribute.name === name);
  if (at === -1) node.attribute.push(made);
  else node.attribute[at] = made;
}

export function removeAttributes(node: NodeProto, ...names: string[]): void {
  node.attribute = node.attribute.filter(({ name }) => !names.includes(name));
}

/** Version of a domain's operator set; the empty domain is the standard one. Undefined when it is not imported. */
export function opsetOf(model: ModelProto, domain = ''): number | undefined {
  const found = model.opsetImport.find((each) => sameDomain(each.domain, domain));
  return found === undefined ? undefined : Number(found.version);
}

export function setOpset(model: ModelProto, domain: string, version: number): void {
  const at = model.opsetImport.findIndex((each) => sameDomain(each.domain, domain));
  if (at === -1) model.opsetImport.push(makeOpset(domain, version));
  else model.opsetImport[at] = makeOpset(domain, version);
}

/** Whether a node is the standard operator of that name. */
export function isStandard(node: NodeProto, ...opTypes: string[]): boolean {
  return sameDomain(node.domain, '') && opTypes.includes(node.opType);
}

/** `ai.onnx` is the long name of the standard domain. */
export function sameDomain(a: string, b: string): boolean {
  return a === b || ((a === '' || a === 'ai.onnx') && (b === '' || b === 'ai.onnx'));
}
