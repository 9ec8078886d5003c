// What is learned, in numbers: to write digits in reverse order.

/** How many different digits there are: 0 to 9. */
export const DIGITS = 10;

/** How many of them a sequence has. */
export const LENGTH = 16;

/** The sequence whose attention is drawn, and whose answer is shown: the first digits of pi. */
export const SHOWN = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3];

/** Sequences to learn from; sequences of an epoch's validation; and those that are looked at only in the end. */
export const COUNTS = { training: 2048, validation: 256, test: 1024 };

export const EPOCHS = 10;
export const BATCH_SIZE = 32;

/** How many steps the whole training has. */
export const STEPS = EPOCHS * Math.ceil(COUNTS.training / BATCH_SIZE);
