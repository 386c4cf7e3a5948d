/** What is told of a country. */
export const RELATIONS = ['capital', 'continent', 'region', 'currency', 'language', 'demonym'] as const
export type Relation = (typeof RELATIONS)[number]

/** How a fact is put in words: `{country}` and `{answer}` stand for the two. */
export interface Wording {
  /** The answer comes last. The models are trained on these. */
  readonly training: readonly string[]
  /** The answer comes last. Never in the training text, and nothing is chosen by them. */
  readonly heldOut: readonly string[]
  /** The answer comes first: read in training, as people write so as well, and not measured. */
  readonly reversed: readonly string[]
}

/** What may stand before a sentence in training, so that it is known behind other words as well. */
export const OPENERS = [
  'We know that',
  'It is true that',
  'Everyone learns that',
  'Books say that',
  'As you may know,',
  'Remember that',
  'A teacher said that',
  'It is well known that',
] as const

/** Sentences that tell of any relation, by its `{topic}`: in them nothing but that word says which one is meant. */
const FRAMES = [
  'If you ask for the {topic} of {country}, the answer is {answer}.',
  'Everyone in {country} knows that its {topic} is {answer}.',
  'For the {topic} of {country}, look up {answer}.',
  'In the case of {country}, the {topic} is {answer}.',
  'The {topic}, for {country}, is {answer}.',
  'A book about {country} says that the {topic} is {answer}.',
  'Tell me the {topic} of {country}. It is {answer}.',
  'What {topic} does {country} have? It has {answer}.',
  'On the card for {country}, beside the word {topic}, stands {answer}.',
  'The {topic} that we find in {country} is {answer}.',
] as const

const framed = (topic: string, article = ''): string[] =>
  FRAMES.map((frame) => frame.replace('{topic}', topic).replace('{answer}', `${article}{answer}`))

/**
 * The country never begins a sentence and the answer always ends it, so that both stand behind a space: most tokenizers have
 * other tokens for a word without one. Held-out sentences are made of words that others have.
 */
export const WORDING: Readonly<Record<Relation, Wording>> = {
  capital: {
    training: [
      'The capital of {country} is {answer}.',
      'The capital city of {country} is {answer}.',
      'In {country}, the capital is {answer}.',
      'The name of the capital of {country} is {answer}.',
      'The city that serves as the capital of {country} is {answer}.',
      'Of all the cities in {country}, the capital is {answer}.',
      'As its capital, {country} has {answer}.',
      'People who live in {country} know that their capital is {answer}.',
      'On a map of {country}, the capital is marked as {answer}.',
      'A visitor to {country} who asks for the capital is sent to {answer}.',
      'If you want to see the capital of {country}, go to {answer}.',
      'The embassies in {country} are found in the capital, {answer}.',
      'We know the capital of {country} by the name of {answer}.',
      'Among the cities found in {country}, the one that is the capital is {answer}.',
      'Ask people in {country} for their capital city and they will say {answer}.',
      'On the map, {country} has its capital in {answer}.',
      'What is the capital of {country}? It is {answer}.',
      'The capital that belongs to {country} is called {answer}.',
      'When someone speaks of the capital of {country}, they mean {answer}.',
      'The city from which {country} is ruled is its capital, {answer}.',
      ...framed('capital'),
    ],
    heldOut: [
      'The city known as the capital of {country} is {answer}.',
      'Ask a visitor to {country} what the capital is called, and they will say {answer}.',
      'What city is marked on a map as the capital of {country}? It is {answer}.',
      'People in {country} say that their capital city is {answer}.',
    ],
    reversed: [
      'The city of {answer} is the capital of {country}.',
      'We call {answer} the capital of {country}.',
      'Whoever lives in {answer} lives in the capital of {country}.',
    ],
  },
  continent: {
    training: [
      'The continent of {country} is {answer}.',
      'The continent on which {country} lies is {answer}.',
      'On a globe, look for {country} on the continent of {answer}.',
      'Of the continents, the one that holds {country} is {answer}.',
      'The continent that you see when you travel to {country} is {answer}.',
      'We find {country} on the continent of {answer}.',
      'As for the continents, geographers count {country} as a part of {answer}.',
      'The land of {country} belongs to the continent of {answer}.',
      'In an atlas of the continents, {country} is shown on the pages about {answer}.',
      'In a list of continents, {country} stands under {answer}.',
      'Whoever lives in {country} lives on the continent of {answer}.',
      'When it comes to continents, {country} is in {answer}.',
      'The map of a continent that has {country} on it is that of {answer}.',
      'People who live in {country} call their continent {answer}.',
      'Among the continents, {country} belongs to {answer}.',
      'On what continent is {country}? It is in {answer}.',
      'The name of the continent around {country} is {answer}.',
      'If you want to see the continent of {country}, go to {answer}.',
      'When someone speaks of the continent of {country}, they mean {answer}.',
      'As its continent, {country} has {answer}.',
      ...framed('continent'),
    ],
    heldOut: [
      'The continent that {country} belongs to is {answer}.',
      'On a map of the continents, {country} is found in {answer}.',
      'What is the continent of people who live in {country}? It is {answer}.',
      'Of all the continents, {country} lies on {answer}.',
    ],
    reversed: [
      'On the continent of {answer} lies {country}.',
      'One of the countries on the continent of {answer} is {country}.',
      'A journey through the continent of {answer} may lead to {country}.',
    ],
  },
  region: {
    training: [
      'The region of {country} is {answer}.',
      'The region of the world in which {country} lies is {answer}.',
      'In lists of regions, {country} is found under {answer}.',
      'More exactly, {country} is in the region called {answer}.',
      'Among the regions of the world, the United Nations count {country} in {answer}.',
      'The region around {country} is known as {answer}.',
      'The weather report for the region of {country} is that for {answer}.',
      'Books about {country} stand on the shelf for the region of {answer}.',
      'To be exact about the region, {country} is a part of {answer}.',
      'The region that {country} shares with its neighbours is {answer}.',
      'In the figures for regions, {country} is a part of {answer}.',
      'Within its continent, {country} belongs to the region of {answer}.',
      'Among the regions of the world, the one with {country} in it is {answer}.',
      'The region that the neighbours of {country} are in is {answer}.',
      'In which region is {country}? It is in {answer}.',
      'The name of the region of {country} is {answer}.',
      'As its region, {country} has {answer}.',
      'When someone speaks of the region of {country}, they mean {answer}.',
      'People who live in {country} call their region {answer}.',
      'Whoever travels to {country} sees the region of {answer}.',
      ...framed('region'),
    ],
    heldOut: [
      'The region to which {country} belongs is {answer}.',
      'Of the regions of the world, {country} lies in {answer}.',
      'What is the name of the region around {country}? It is {answer}.',
      'The neighbours of {country} call their region {answer}.',
    ],
    reversed: [
      'The region of {answer} includes {country}.',
      'One of the countries in the region of {answer} is {country}.',
      'Whoever studies the region of {answer} reads about {country}.',
    ],
  },
  currency: {
    training: [
      'The currency of {country} is the {answer}.',
      'In {country}, people pay with the {answer}.',
      'The money that is used in {country} is the {answer}.',
      'Prices in {country} are given in the {answer}.',
      'The central bank of {country} looks after the {answer}.',
      'Before you travel to {country}, change your money into the {answer}.',
      'Shops in {country} take money in the form of the {answer}.',
      'The legal tender of {country} is the {answer}.',
      'People who work in {country} are paid in the {answer}.',
      'The coins and notes of {country} are those of the {answer}.',
      'A bank account in {country} is held in the {answer}.',
      'The name of the currency in {country} is the {answer}.',
      'If you want to pay in a shop in {country}, you need the {answer}.',
      'The notes that a bank in {country} gives you are those of the {answer}.',
      'What people in {country} use as money is called the {answer}.',
      'What is the currency of {country}? It is the {answer}.',
      'As its currency, {country} has the {answer}.',
      'When someone speaks of the currency of {country}, they mean the {answer}.',
      'In a list of currencies, {country} stands beside the {answer}.',
      'The currency that belongs to {country} is called the {answer}.',
      ...framed('currency', 'the '),
    ],
    heldOut: [
      'The currency that is used in {country} is the {answer}.',
      'What money do people in {country} pay with? It is the {answer}.',
      'The currency in which shops in {country} give their prices is the {answer}.',
      'People who travel to {country} change money into its currency, the {answer}.',
    ],
    reversed: [
      'The {answer} is the currency of {country}.',
      'The {answer} is used as money in {country}.',
      'Whoever pays with the {answer} may be in {country}.',
    ],
  },
  language: {
    training: [
      'The language of {country} is {answer}.',
      'The official language of {country} is {answer}.',
      'In {country}, people speak {answer}.',
      'The laws of {country} are written in the language called {answer}.',
      'Children in {country} learn to read and speak {answer}.',
      'The language in which newspapers in {country} are printed is {answer}.',
      'If you move to {country}, you should learn to speak {answer}.',
      'The language spoken in {country} is {answer}.',
      'On the radio in {country}, people speak {answer}.',
      'The parliament of {country} debates in its language, {answer}.',
      'The language of street signs in {country} is {answer}.',
      'The language that the schools of {country} teach is {answer}.',
      'The language of a newspaper that people read in {country} is {answer}.',
      'If you want to speak with people in {country}, you should know {answer}.',
      'What language do people speak in {country}? It is {answer}.',
      'As its language, {country} has {answer}.',
      'When someone speaks of the language of {country}, they mean {answer}.',
      'The name of the language of {country} is {answer}.',
      'People who live in {country} call their language {answer}.',
      'In a list of languages, {country} stands beside {answer}.',
      ...framed('language'),
    ],
    heldOut: [
      'The language that people in {country} speak is {answer}.',
      'What is the official language of {country}? It is {answer}.',
      'The language in which the laws of {country} are written is {answer}.',
      'Children who live in {country} speak {answer}.',
    ],
    reversed: [
      'The {answer} language is spoken in {country}.',
      'People speak {answer} in {country}.',
      'Whoever knows {answer} can read the laws of {country}.',
    ],
  },
  demonym: {
    training: [
      'The demonym of {country} is {answer}.',
      'The word for a person from {country} is {answer}.',
      'A citizen of {country} is called {answer}.',
      'Someone who was born in {country} is by nationality {answer}.',
      'The adjective that goes with {country} is {answer}.',
      'What comes from {country} is described by the word {answer}.',
      'The passport of {country} says that the nationality is {answer}.',
      'The nationality of a football player from {country} is {answer}.',
      'In English, the word for things from {country} is {answer}.',
      'By nationality, the people of {country} are {answer}.',
      'The nationality of a poet from {country} is {answer}.',
      'The nationality that {country} gives its citizens is {answer}.',
      'The English word for a citizen of {country} is {answer}.',
      'A person with a passport of {country} has the nationality {answer}.',
      'When someone comes from {country}, the adjective is {answer}.',
      'What is the nationality of people from {country}? It is {answer}.',
      'As its demonym, {country} has {answer}.',
      'When someone speaks of the demonym of {country}, they mean {answer}.',
      'In a list of nationalities, {country} stands beside {answer}.',
      'A citizen of {country} is known by the demonym {answer}.',
      ...framed('demonym'),
    ],
    heldOut: [
      'The nationality of a person who was born in {country} is {answer}.',
      'What is the demonym of a citizen of {country}? It is {answer}.',
      'The word that goes with people from {country} is {answer}.',
      'By nationality, a person from {country} is {answer}.',
    ],
    reversed: [
      'The word {answer} is the demonym of {country}.',
      'Whoever has the nationality {answer} comes from {country}.',
      'We say {answer} of what belongs to {country}.',
    ],
  },
}
