//! The nouns of a campaign: numbers, recipients, messages, batches, money, evidence, verdicts.
