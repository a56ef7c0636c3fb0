import type { AppContext, Tensor } from 'floormesh/app';

/**
 * Runs a model of one input and one output, by the names that its card gives them.
 *
 * @throws {TypeError} when the card names others than the model gives
 */
export async function runModel(context: AppContext, name: string, input: Tensor): Promise<Tensor> {
  const { inputs, outputs } = context.model(name).card;
  const results = await context.infer(name, { [inputs[0]!.name]: input });
  const output = results[outputs[0]!.name];
  if (output === undefined) throw new TypeError(`the model ${name} gave no output ${outputs[0]!.name}`);
  return output;
}
