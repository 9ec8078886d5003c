// A text that repeats itself: "The House That Jack Built", in which each verse holds the one before.

const beginning = "the house that Jack built.";

/** What each verse adds in front. */
const additions = [
  "the malt that lay in",
  "the rat that ate",
  "the cat that killed",
  "the dog that worried",
  "the cow with the crumpled horn that tossed",
  "the maiden all forlorn that milked",
  "the man all tattered and torn that kissed",
  "the priest all shaven and shorn that married",
  "the cock that crowed in the morn that waked",
  "the farmer sowing his corn that kept",
  "the horse and the hound and the horn that belonged to",
];

const verses = [beginning];
for (const addition of additions) verses.push(`${addition} ${verses[verses.length - 1]}`);

export const nurseryRhyme = verses.map((verse) => `This is ${verse}`).join("\n");
