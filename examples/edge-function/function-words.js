/** English words that are in every text and say nothing about it. Put the ones of your language here. */
const functionWords = new Set(
  (
    "a about after all also an and any are as at be because been but by can could did do does for from had has have he " +
    "her him his how i if in into is it its me more my no not of on one or our out she should so some such than that the " +
    "their them then there these they this those to up us was we were what when where which who why will with would you your"
  ).split(" "),
);

/** @param {string} word in lower case */
export const isFunctionWord = (word) => functionWords.has(word);
