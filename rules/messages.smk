# What a run says at its end.


def tell_where_results_are():
    print(f"\nreport   {results('report.html')}")
    print(f"claims   {results('claims/claims.tsv')}")
    print(f"figures  {results('figures')}")
    print(
        f"tables   {results('selectivity', TARGET, 'summary.tsv')} {results('recognition/summary.tsv')}"
    )
    print(f"yield    {results('audio/yield.tsv')}")


def tell_how_to_go_on():
    print("\nWhat was finished is kept: the same command goes on from there.")
