/**
 * The type of a parameter that takes `Options` and tells `Given`, what the caller wrote: TypeScript infers `Given` from
 * the branches of a conditional type, and then takes the one that applies, `Options` itself. So a misspelt option is an
 * error, which a parameter of the type `Given` would let pass.
 */
export type OptionsGiven<Given, Options> = [Given] extends [never] ? Given : Options;

type OptionGiven<Given, Name> = Given extends unknown ? (Name extends keyof Given ? Given[Name] : undefined) : never;

/** true, false, or boolean where the types leave it open. */
type IsAskedFor<Option> = Option extends false | undefined ? false : true;

type WhenTrue<Condition, Fields> = true extends Condition
  ? false extends Condition
    ? Partial<Fields>
    : Fields
  : unknown;

/**
 * The fields of a result that an option asks for, by being there and not false. They are optional where the option's type
 * leaves that open, and not there where it isn't given.
 */
export type WhenAskedFor<Given, Name extends string, Fields> = WhenTrue<IsAskedFor<OptionGiven<Given, Name>>, Fields>;
