#!/usr/bin/env python3
"""An agent that follows momentum: buy what rises, sell what falls, otherwise hold.

For every turn one line of JSON arrives on standard input (what the agent may know), and one
line of JSON goes to standard output (what it wants to do). It ends when its input ends.
Amounts are strings and are handled as Decimal, so that no digit is lost.

    tr-context mine | ./agent.py
"""

import json
import sys
from decimal import ROUND_DOWN, Decimal

LOOKBACK = 12  # candles: an hour of five minutes each
THRESHOLD = Decimal("0.005")  # a move of half a percent counts
STAKE = Decimal("0.05")  # of the equity, for each purchase
UNIT = Decimal("0.00000001")  # the finest quantity and amount that the race knows


def momentum(asset):
    """The relative change of the price over LOOKBACK candles, or None if it cannot be known."""
    candles = asset.get("candles") or []
    if asset.get("quality") != "fresh" or len(candles) < LOOKBACK:
        return None
    then = Decimal(candles[-LOOKBACK]["close"])
    return Decimal(asset["price"]) / then - 1 if then > 0 else None


def decide(context):
    portfolio = context["portfolio"]
    cash = Decimal(portfolio["cash"])
    stake = (Decimal(portfolio["equity"]) * STAKE).quantize(UNIT, ROUND_DOWN)
    held = {p["asset"]: p["quantity"] for p in portfolio["positions"]}
    orders, reasons = [], []
    for asset in context["market"]["assets"]:
        name, move = asset["asset"], momentum(asset)
        if move is None:
            continue
        if move < -THRESHOLD and name in held:
            orders.append({"asset": name, "side": "sell", "quantity": held[name]})
            reasons.append(f"{name} fell by {-move:.2%}")
        elif move > THRESHOLD and name not in held and 0 < stake <= cash:
            orders.append({"asset": name, "side": "buy", "notional": format(stake, "f")})
            reasons.append(f"{name} rose by {move:.2%}")
            cash -= stake
    return {"orders": orders, "reasoning": "; ".join(reasons) or "no asset moves enough"}


def answer(line):
    """What is not understood is no reason to trade: hold, and say so."""
    try:
        return decide(json.loads(line))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
        return {"orders": [], "reasoning": f"hold: cannot read the context ({problem!r})"}


def main():
    for line in sys.stdin:
        print(json.dumps(answer(line)), flush=True)  # the race waits for this line


if __name__ == "__main__":
    main()
