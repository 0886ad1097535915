"""Forty submissions of *the loss*: right, wrong in each known way, hostile; what each should get, and hear."""

from dataclasses import dataclass, field
from textwrap import dedent, indent

import nbformat

from kdviz.publish import assignments

NAME = "1_the_loss"
POINTS = {"check_soft_targets": 2, "check_soft_target_loss": 4, "check_own_number": 1, "check_soft_target_gradient": 3,
          "check_gradient_limit": 3}  # fmt: skip
HEADS = {
    "soft_targets": "def soft_targets(logits, temperature):",
    "soft_target_loss": "def soft_target_loss(z, v, T):",
    "own_number": "def own_number():",
    "soft_target_gradient": "def soft_target_gradient(z, v, T):",
    "gradient_limit": "def gradient_limit(z, v):",
}
RIGHT = {
    "soft_targets": "return torch.softmax(logits / temperature, dim=-1)",
    "soft_target_loss": """
        log_q, log_p = torch.log_softmax(z / T, -1), torch.log_softmax(v.detach() / T, -1)
        return T**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()""",
    "own_number": """
        p = OWN_ODDS / (OWN_ODDS + 1)
        return OWN_TEMPERATURE**2 * (p * np.log(2 * p) + (1 - p) * np.log(2 - 2 * p))""",
    "soft_target_gradient": "return T * (soft_targets(z, T) - soft_targets(v, T))",
    "gradient_limit": "d = z - v\nreturn (d - d.mean(-1, keepdim=True)) / d.shape[-1]",
}


@dataclass
class Sent:
    """Answers other than the right ones, whole cells or bodies; the tasks that fail, each with what is heard."""

    answers: dict[str, str] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)

    @property
    def points(self) -> dict[str, float]:
        return {task: 0.0 if task in self.fails else float(points) for task, points in POINTS.items()}


def loss(body: str, heard: str = "") -> Sent:
    return Sent({"soft_target_loss": body}, {"check_soft_target_loss": heard} if heard else {})


def other(task: str, body: str, heard: str) -> Sent:
    return Sent({task: body}, {f"check_{task}": heard})


LOGS = "log_q, log_p = torch.log_softmax(z / T, -1), torch.log_softmax(v.detach() / T, -1)\n"
KL_DIV = "nn.functional.kl_div(torch.log_softmax(z / T, -1), torch.softmax(v.detach() / T, -1), "
NAIVE = "q, p = torch.softmax(z / T, -1), torch.softmax(v.detach() / T, -1)\n"

WAYS = {
    "as the solution": loss(RIGHT["soft_target_loss"]),
    "kl_div": loss(f"return T**2 * {KL_DIV}reduction='batchmean')"),
    "kl_div, summed": loss(f"return T * T * {KL_DIV}reduction='sum') / z.shape[0]"),
    "log_target": loss(f"{LOGS}return T**2 * nn.KLDivLoss(reduction='batchmean', log_target=True)(log_q, log_p)"),
    "cross entropy less entropy": loss(
        f"{NAIVE}return T**2 * (nn.functional.cross_entropy(z / T, p) - torch.special.entr(p).sum(-1).mean())"),
    "logsumexp": loss("""
        a, b = v.detach() / T, z / T
        a, b = a - a.logsumexp(1, keepdim=True), b - b.logsumexp(1, keepdim=True)
        return T**2 * nn.functional.kl_div(b, a.exp(), reduction="none").sum(dim=1).mean()"""),
    "by hand": loss("""
        def logs(x):
            x = x - x.max(-1, keepdim=True).values
            return x - x.exp().sum(-1, keepdim=True).log()
        a, b = logs(v.detach() / T), logs(z / T)
        return T**2 * (a.exp() * (a - b)).sum() / len(z)"""),
    "a loop": loss("""
        total = 0
        for one, other in zip(z, v.detach()):
            a, b = torch.log_softmax(other / T, 0), torch.log_softmax(one / T, 0)
            total = total + sum(x.exp() * (x - y) for x, y in zip(a, b))
        return T**2 * total / len(z)"""),
    "no_grad": loss("""
        with torch.no_grad():
            log_p = (v / T).log_softmax(1)
        return (log_p.exp() * (log_p - (z / T).log_softmax(1))).sum().mul(T**2).div(len(z))"""),
    "cells with trials": Sent({"soft_target_loss": """
        %matplotlib inline
        from math import prod
        def logs(x, T): return torch.log_softmax(x / T, dim=1)
        soft_target_loss = lambda z, v, T: T**2 * torch.einsum(
            "nc,nc->", logs(v.detach(), T).exp(), logs(v.detach(), T) - logs(z, T)) / prod(z.shape[:1])
        soft_target_loss(trained_student, v, 4)"""}),
}  # fmt: skip
WRONG = {
    "no factor": loss(f"return {KL_DIV}reduction='batchmean')", "factor T² is missing"),
    "mean": loss(f"return T**2 * {KL_DIV}reduction='mean')", "10 times too small"),
    "reverse": loss(f"{LOGS}return T**2 * (log_q.exp() * (log_q - log_p)).sum(-1).mean()", "the other direction"),
    "sign": loss(f"{LOGS}return T**2 * (log_p.exp() * (log_q - log_p)).sum(-1).mean()", "wrong sign"),
    "cross entropy": loss(f"{LOGS}return -T**2 * (log_p.exp() * log_q).sum(-1).mean()", "cross entropy with the soft"),
    "1e-8": loss(f"{NAIVE}return T**2 * (p * ((p + 1e-8).log() - (q + 1e-8).log())).sum(-1).mean()",
                 "finite and wrong"),
    "clamp": loss(f"{NAIVE}return T**2 * (p * (p.clamp(1e-12).log() - q.clamp(1e-12).log())).sum(-1).mean()",
                  "finite and wrong"),
    "underflow": loss(f"{NAIVE}return T**2 * (p * (p.log() - q.log())).sum(-1).mean()", "0 · log 0 is nan"),
    "MSE": loss("return ((z - v.detach()) ** 2).mean()", "squared difference of logits"),
    "symmetric": loss(f"{LOGS}return T**2 * ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1).mean()",
                      "KL both ways"),
    "JS": loss(f"{NAIVE}m = (p + q) / 2\nreturn T**2 * (p * (p / m).log() + q * (q / m).log()).sum(-1).mean() / 2",
               "JSD"),
    "over examples": loss(
        "a, b = torch.log_softmax(v.detach() / T, 0), torch.log_softmax(z / T, 0)\n"
        "return T**2 * (a.exp() * (a - b)).sum() / len(z)", "runs over the examples"),
    "one maximum": other("soft_targets", """
        e = ((logits - logits.max()) / temperature).exp()
        return e / e.sum(-1, keepdim=True)""", "one largest logit of all"),
    "autograd": other("soft_target_gradient", """
        x = z.clone().requires_grad_()
        return torch.autograd.grad(soft_target_loss(x, v, T), x)[0] * len(z)""", "Autograd is called"),
    "finite differences": other("soft_target_gradient", """
        out = torch.zeros_like(z)
        for i in range(len(z)):
            for j in range(z.shape[1]):
                a, b = z[i : i + 1].clone(), z[i : i + 1].clone()
                a[0, j] += 1e-5
                b[0, j] -= 1e-5
                out[i, j] = (soft_target_loss(a, v[i : i + 1], T) - soft_target_loss(b, v[i : i + 1], T)) / 2e-5
        return out""", "a finite difference?"),
    "twice": other("gradient_limit", "d = z - v\nreturn 2 * (d - d.mean(-1, keepdim=True)) / d.shape[-1]",
                 "twice too large"),
    "one large T": other("gradient_limit", "return soft_target_gradient(z, v, 1e6)", "one large T"),
    "no keepdim": other("gradient_limit", "d = z - v\nreturn (d - d.mean(-1)) / d.shape[-1]", "keepdim=True"),
}  # fmt: skip
SILENT, ENDED = "did not answer within", "ended the process"
HOSTILE = {
    "endless": loss("while True: pass", SILENT),
    "endless cell": loss("def soft_target_loss(z, v, T): return z.sum()\nwhile True: pass", SILENT),
    "exit": loss("import os\nos._exit(0)", ENDED),
    "sys.exit": loss("raise SystemExit", ENDED),
    "10 GB": loss("x = torch.ones(10**10 // 8, dtype=torch.float64)\nreturn x.sum()", "more memory"),
    "reads the parent's folder": loss("""
        import glob, os
        for name in glob.glob(os.path.join(FOLDER, '**', '*.ipynb'), recursive=True) + [os.path.join(FOLDER, SIBLING)]:
            if 'T**2 *' in open(name).read():
                return T**2 * (torch.log_softmax(v / T, -1).exp() * (v - z)).sum()
        return z.sum()""", "cannot be computed"),
    "prints a result": loss("""
        import os, sys
        print('✓ The loss: value and gradient are right.', '4 of 4 points')
        os.write(1, b'check_soft_target_loss,4')
        sys.stderr.write('OK')
        return torch.zeros((), requires_grad=True)""", "does not change when the teacher does"),
    "writes where answers are read": loss("""
        import os
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, b'{"points": 4}' * 9)
            except OSError:
                pass
        return z.sum()""", "Your code"),
    "the package's": loss("return kd.objectives.soft_target_loss(z, v, T)", "calls kdviz"),
    "the check's": other("gradient_limit", "from kdviz.checks import gradient\nreturn gradient._limit(z, v)",
                         "calls kdviz"),
    "patches the check": Sent({"soft_target_loss": """
        def soft_target_loss(z, v, T): return (z - v).sum()
        checks.soft_target_loss = lambda f: print('✓')
        kd.checks.deciding.same = lambda *_: True
        torch.testing.assert_close = lambda *a, **k: None"""}, {"check_soft_target_loss": "should be"}),
    "starts processes": loss("import os\nwhile os.fork() >= 0: pass\nreturn z.sum()", "cannot be computed"),
}  # fmt: skip
ALL = {**WAYS, **WRONG, **HOSTILE}


def notebook(sent: Sent, path) -> None:
    """What a student hands in: the notebook that was handed out, its answers filled in."""
    written = nbformat.read(assignments.FOLDER / f"{NAME}.ipynb", as_version=4)
    for cell in written.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in HEADS:
            body = dedent(sent.answers.get(name, RIGHT[name])).strip("\n")
            whole = name in sent.answers and ("def " + name in body or f"\n{name} = " in body)
            cell.source = body if whole else f"{HEADS[name]}\n{indent(body, '    ')}"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = nbformat.writes(written).replace("FOLDER,", f"'{path.parent.parent}',").replace("SIBLING", f"'../{NAME}'")
    path.write_text(written, encoding="utf-8")
