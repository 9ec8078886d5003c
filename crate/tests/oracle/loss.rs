//! Losses in float64, by the definitions.

/// p and −ln p of a row of logits.
pub fn softmax(row: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
    let negative: Vec<f64> = row.iter().map(|x| sum.ln() - (x - largest)).collect();
    (negative.iter().map(|n| (-n).exp()).collect(), negative)
}

/// −Σ q ln p and p Σ q − q.
pub fn cross_entropy(row: &[f64], q: &[f64]) -> (f64, Vec<f64>) {
    let (p, negative) = softmax(row);
    let loss = q.iter().zip(&negative).filter(|(q, _)| **q != 0.0).map(|(q, n)| q * n).sum();
    let total: f64 = q.iter().sum();
    (loss, p.iter().zip(q).map(|(p, q)| p * total - q).collect())
}

/// The loss at logit x and target z, and its derivative.
pub fn binary_cross_entropy(x: f64, z: f64, weight: f64, positive: f64) -> (f64, f64) {
    let softplus = (-x.abs()).exp().ln_1p() + (-x).max(0.0);
    let share = 1.0 + (positive - 1.0) * z;
    let complement = if x < 0.0 { 1.0 / (1.0 + x.exp()) } else { (-x).exp() / (1.0 + (-x).exp()) };
    (weight * ((1.0 - z) * x + share * softplus), weight * (1.0 - z - share * complement))
}

/// Every path of labels that spells the target, one by one: the probability of all, and of those in which frame t has label c.
/// `probabilities` is `[frames][classes]`.
pub fn ctc(probabilities: &[Vec<f64>], target: &[usize], blank: usize) -> (f64, Vec<Vec<f64>>) {
    let classes = probabilities.first().map_or(0, Vec::len);
    let frames = probabilities.len();
    let mut total = 0.0;
    let mut shares = vec![vec![0.0; classes]; frames];
    for number in 0..classes.max(1).pow(frames as u32) {
        let path: Vec<usize> = (0..frames).map(|t| number / classes.pow(t as u32) % classes).collect();
        let mut spelt: Vec<usize> = path.clone();
        spelt.dedup();
        spelt.retain(|&label| label != blank);
        if spelt == target {
            let product: f64 = path.iter().zip(probabilities).map(|(&label, frame)| frame[label]).product();
            total += product;
            for (share, label) in shares.iter_mut().zip(&path) {
                share[*label] += product;
            }
        }
    }
    (total, shares)
}
