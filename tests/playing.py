"""The playground's arithmetic as the page does it, run by whatever runs JavaScript, beside torch's."""

import torch

from kdviz.explorers import plane

SETTINGS = [(4.0, 0.0, 0.0, 45, 16), (0.1, 0.0, 0.25, 60, 16), (32.0, 0.5, 0.0, 400, 4), (1.0, 1.0, 0.4, 15, 32)]
# What the page gives for a setting: its points, the teacher's word, a student's loss and gradient, then 30 steps.
CODE = """async (load, layers, temperature, hard, noise, count, width, seed) => {
  const [plane, net, rounds, sums] = await Promise.all(["plane", "net", "rounds", "sums"].map(load));
  const unpacked = layers.map(({ weight, scale, bias }) =>
    ({ weight: sums.unpacked(weight), scale: sums.unpacked(scale), bias: sums.unpacked(bias) }));
  const grid = plane.disc(20);
  const game = rounds.contest(unpacked, grid, new Uint8Array(grid.count));
  game.restart({ points: count, noise, width, seed });
  game.soften(temperature);
  const [student] = game.students;
  const first = Array.from(student.net.weights);
  const loss = net.gradient(student.net, game.points, temperature, hard, student.rooms);
  const slopes = Array.from(student.net.slopes);
  for (let i = 0; i < 30; i++) game.step({ temperature, hard });
  game.students.forEach(game.ask);
  const { places, labels, flipped, soft } = game.points;
  return {
    places: Array.from(places.subarray(0, 2 * count)), labels: Array.from(labels), flipped: Array.from(flipped),
    soft: Array.from(soft.subarray(0, 3 * count)), first, loss, slopes, last: Array.from(student.net.weights),
    wrong: student.wrong, area: grid.area, truth: Array.from(grid.truth), at: Array.from(grid.places),
  };
}"""


def check(found: dict, temperature: float, hard: float, noise: float, count: int, width: int, seed: int) -> None:
    """Fail unless all of it is what torch says, to 1e-6."""
    places, labels, flipped = plane.points(count, noise, seed)
    close(found["places"], places)
    assert found["labels"] == labels.tolist() and found["flipped"] == flipped.int().tolist()
    said = plane.answers(places)
    close(found["soft"], (said / temperature).softmax(-1))
    student = plane.net([2, width, width, 3], seed)
    close(found["first"], flat(student.parameters()))
    loss = plane.loss(student(places), said, labels, temperature, hard)
    close(found["loss"], loss.detach())
    close(found["slopes"], flat(torch.autograd.grad(loss, list(student.parameters()))))
    assert max(map(abs, found["slopes"])) > 1e-3
    plane.trained(student, places, said, labels, temperature, hard, 30)
    close(found["last"], flat(student.parameters()))
    at, truth = torch.tensor(found["at"]).double().reshape(-1, 2)[: found["area"]], torch.tensor(found["truth"])
    assert torch.equal(plane.likeliest(at), truth[: found["area"]])
    with torch.no_grad():
        wrong = 100 * (student(at).argmax(-1) != plane.likeliest(at)).double().mean()
    close(found["wrong"], wrong)


def flat(tensors) -> torch.Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def close(page, expected: torch.Tensor) -> None:
    torch.testing.assert_close(torch.tensor(page, dtype=torch.float64).flatten(), expected.flatten(), rtol=0, atol=1e-6)
